import { randomBytes, randomUUID } from 'node:crypto'
import {
  Failure,
  type ForgeApp,
  type ForgeInstance,
  type ForgeSecret,
  type ForgeSecretUse,
  forgeSecretIdentity,
  type Store
} from '@slipway/domain'
import type { Encryption } from '@slipway/secrets'

/** How long a former webhook secret still counts: what was signed with it and is delivered again must not be refused. */
const formerSecretMs = 24 * 3_600_000

/** The credentials of forges that are kept in the store: in the clear only here, and only for as long as they are needed. */
export interface ForgeCredentials {
  /** What the forge is called with: an App's private key, or a token; and which one it is. @throws Failure `not-found` */
  opener(instance: Opened): Promise<{ id: string; text: string }>
  /** Which one that is, without opening it. null: there is none. */
  openerId(instance: Opened): Promise<string | null>
  keepApp(
    app: ForgeApp,
    opened: { privateKey: string; webhookSecret: string; clientSecret: string | null },
    replaces: string | null
  ): Promise<void>
  /** A token for calls, and what hooks are known by. */
  keepToken(
    app: ForgeApp,
    opened: { accessToken: string; tokens: WebhookTokens },
    replaces: string | null
  ): Promise<void>
  /** What hooks that `keepToken` is for are known by; null: nothing was kept. */
  webhookTokens(forgeId: string): Promise<WebhookTokens | null>
  /** A new webhook secret, accepted from now on beside those that are there. */
  addWebhookSecret(forgeId: string): Promise<{ secret: ForgeSecret; text: string }>
  /** The same for hooks that `keepToken` is for. */
  addWebhookTokens(forgeId: string): Promise<{ secrets: ForgeSecret[]; tokens: WebhookTokens }>
  /** The forge signs with these now: the others are over soon. */
  settleWebhookSecrets(forgeId: string, secrets: readonly ForgeSecret[]): Promise<void>
  /** In place of the key that counted. */
  replacePrivateKey(forgeId: string, pem: string): Promise<void>
}

type Opened = Pick<ForgeInstance, 'forgeId' | 'kind'>

/** A forge that signs gets the one, one that cannot the other: deliveries with either are accepted. */
export interface WebhookTokens {
  /** `whsec_…` (Standard Webhooks) */
  signing: string
  plain: string
}

export function newWebhookSecret(): string {
  return randomBytes(32).toString('hex')
}

export function newSigningToken(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

const openers: Record<ForgeInstance['kind'], ForgeSecretUse> = {
  github: 'private-key',
  gitlab: 'access-token',
  gitea: 'access-token'
}

export function createForgeCredentials({
  store,
  encryptions,
  now
}: {
  store: Pick<Store, 'forgeApps'>
  encryptions: Record<ForgeSecretUse, Pick<Encryption, 'encrypt' | 'decrypt'>>
  now: () => number
}): ForgeCredentials {
  async function sealed(forgeId: string, use: ForgeSecretUse, text: string): Promise<ForgeSecret> {
    const of = { id: randomUUID(), forgeId, use }
    const encrypted = await encryptions[use].encrypt(Buffer.from(text), forgeSecretIdentity(of))
    return { ...of, ...encrypted, createdAt: now(), expiresAt: null }
  }

  async function current({ forgeId, kind }: Opened): Promise<ForgeSecret | null> {
    const all = await store.forgeApps.secrets(openers[kind], now())
    return all.find((one) => one.forgeId === forgeId) ?? null
  }

  async function opened(secret: ForgeSecret): Promise<string> {
    const text = await encryptions[secret.use].decrypt(secret.ciphertext, forgeSecretIdentity(secret))
    return text.toString('utf8')
  }

  return {
    openerId: async (instance) => (await current(instance))?.id ?? null,
    async opener(instance) {
      const secret = await current(instance)
      if (secret === null) throw new Failure('not-found', `there is nothing to open ${instance.forgeId} with`)
      return { id: secret.id, text: await opened(secret) }
    },
    async keepToken(app, { accessToken, tokens }, replaces) {
      const secrets = [
        await sealed(app.forgeId, 'access-token', accessToken),
        await sealed(app.forgeId, 'webhook', tokens.signing),
        await sealed(app.forgeId, 'webhook', tokens.plain)
      ]
      await store.forgeApps.put(app, secrets, replaces)
    },
    async webhookTokens(forgeId) {
      const kept = (await store.forgeApps.secrets('webhook', now())).filter((one) => one.forgeId === forgeId)
      const texts = await Promise.all(kept.map(opened))
      const signing = texts.find((text) => text.startsWith('whsec_'))
      const plain = texts.find((text) => !text.startsWith('whsec_'))
      return signing === undefined || plain === undefined ? null : { signing, plain }
    },
    async keepApp(app, { privateKey, webhookSecret, clientSecret }, replaces) {
      const secrets = [
        await sealed(app.forgeId, 'private-key', privateKey),
        await sealed(app.forgeId, 'webhook', webhookSecret)
      ]
      if (clientSecret !== null) secrets.push(await sealed(app.forgeId, 'sign-in', clientSecret))
      await store.forgeApps.put(app, secrets, replaces)
    },
    async addWebhookSecret(forgeId) {
      const text = newWebhookSecret()
      const secret = await sealed(forgeId, 'webhook', text)
      await store.forgeApps.addSecret(secret)
      return { secret, text }
    },
    async addWebhookTokens(forgeId) {
      const tokens = { signing: newSigningToken(), plain: newWebhookSecret() }
      const secrets = [await sealed(forgeId, 'webhook', tokens.signing), await sealed(forgeId, 'webhook', tokens.plain)]
      for (const secret of secrets) await store.forgeApps.addSecret(secret)
      return { secrets, tokens }
    },
    async settleWebhookSecrets(forgeId, secrets) {
      const kept = secrets.map(({ id }) => id)
      await store.forgeApps.supersedeSecrets({ forgeId, use: 'webhook' }, kept, now() + formerSecretMs)
    },
    async replacePrivateKey(forgeId, pem) {
      const secret = await sealed(forgeId, 'private-key', pem)
      await store.forgeApps.addSecret(secret)
      await store.forgeApps.supersedeSecrets(secret, [secret.id], now())
    }
  }
}
