import { randomBytes, randomUUID } from 'node:crypto'
import {
  Failure,
  type ForgeApp,
  type ForgeSecret,
  type ForgeSecretUse,
  forgeSecretIdentity,
  type Store
} from '@slipway/domain'
import type { Encryption } from '../secrets/encryption.ts'

/** How long a former webhook secret still counts: what was signed with it and is delivered again must not be refused. */
const formerSecretMs = 24 * 3_600_000

/** The credentials of forges that are kept in the store: in the clear only here, and only for as long as they are needed. */
export interface ForgeCredentials {
  /** The App's private key that counts, and which one it is. @throws Failure `not-found` */
  privateKey(forgeId: string): Promise<{ id: string; pem: string }>
  /** Which key that is, without opening it. null: there is none. */
  privateKeyId(forgeId: string): Promise<string | null>
  keepApp(
    app: ForgeApp,
    opened: { privateKey: string; webhookSecret: string; clientSecret: string | null },
    replaces: string | null
  ): Promise<void>
  /** A new webhook secret, accepted from now on beside those that are there. */
  addWebhookSecret(forgeId: string): Promise<{ secret: ForgeSecret; text: string }>
  /** The forge signs with this one now: the others are over soon. */
  settleWebhookSecret(secret: ForgeSecret): Promise<void>
  /** In place of the key that counted. */
  replacePrivateKey(forgeId: string, pem: string): Promise<void>
}

export function newWebhookSecret(): string {
  return randomBytes(32).toString('hex')
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

  async function currentKey(forgeId: string): Promise<ForgeSecret | null> {
    const keys = await store.forgeApps.secrets('private-key', now())
    return keys.find((one) => one.forgeId === forgeId) ?? null
  }

  return {
    privateKeyId: async (forgeId) => (await currentKey(forgeId))?.id ?? null,
    async privateKey(forgeId) {
      const key = await currentKey(forgeId)
      if (key === null) throw new Failure('not-found', `there is no private key of ${forgeId}`)
      const pem = await encryptions['private-key'].decrypt(key.ciphertext, forgeSecretIdentity(key))
      return { id: key.id, pem: pem.toString('utf8') }
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
    async settleWebhookSecret(secret) {
      await store.forgeApps.supersedeSecrets(secret, now() + formerSecretMs)
    },
    async replacePrivateKey(forgeId, pem) {
      const secret = await sealed(forgeId, 'private-key', pem)
      await store.forgeApps.addSecret(secret)
      await store.forgeApps.supersedeSecrets(secret, now())
    }
  }
}
