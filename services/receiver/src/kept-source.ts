import {
  type Delivery,
  Failure,
  type ForgeApp,
  type ForgeInstance,
  forgeSecretIdentity,
  type ReceivedDelivery,
  type Store,
  type WebhookSource
} from '@slipway/domain'
import { createGitHubWebhooks, createGitLabWebhooks } from '@slipway/forge'
import { decrypt, type Keyring } from '@slipway/secrets'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface KeptSourceDeps {
  /** Without secrets in the environment: they are looked for in the store. */
  instance: ForgeInstance
  store: Pick<Store, 'forgeApps'>
  /** What secrets of webhooks are encrypted with. */
  keyring: () => Promise<Keyring>
  now: () => number
  monotonicNow: () => number
  logger: Logger
}

/** How often it is looked, in case nobody says that something changed. */
const periodMs = 10_000
/** A delivery that does not fit is a reason to look again, but a stranger can send many. */
const againMs = 1000

/**
 * A forge whose webhook secrets are kept in the store. They are read when they change, not with each delivery; one whose signature fits
 * none of them has them read once more, so that none is refused for a secret that was made a moment ago.
 */
export function createKeptSource(deps: KeptSourceDeps): WebhookSource & Loop {
  const { instance, store, keyring, now, monotonicNow, logger } = deps
  const { forgeId } = instance
  let current: { source: WebhookSource; secrets: string } | null = null
  let looking: Promise<void> | null = null
  let lookedAt = Number.NEGATIVE_INFINITY

  async function read(): Promise<void> {
    const app: ForgeApp | null = await store.forgeApps.get(forgeId)
    const stored = app === null ? [] : await store.forgeApps.secrets('webhook', now())
    const keys = await keyring()
    const secrets = stored
      .filter((one) => one.forgeId === forgeId)
      .map((one) => decrypt(keys, one.ciphertext, forgeSecretIdentity(one)).toString('utf8'))
    const known = JSON.stringify(secrets)
    if (current?.secrets === known) return
    if (secrets.length === 0) current = null
    else current = { source: sourceOf(instance, secrets, now), secrets: known }
    logger.info({ forgeId, count: secrets.length }, 'webhook secrets read from the store')
  }

  function look(): Promise<void> {
    looking ??= read().finally(() => {
      looking = null
      lookedAt = monotonicNow()
    })
    return looking
  }

  /** With the store away what is known goes on counting. */
  async function lookAgain(): Promise<WebhookSource | null> {
    if (looking === null && monotonicNow() - lookedAt < againMs) return current?.source ?? null
    await look().catch((err: unknown) => logger.warn({ err, forgeId }, 'webhook secrets could not be read'))
    return current?.source ?? null
  }

  const loop = createLoop(`webhook secrets ${forgeId}`, periodMs, look, logger)
  return {
    instance,
    wake: loop.wake,
    close: loop.close,
    async receive(delivery: Delivery): Promise<ReceivedDelivery> {
      const source = current?.source ?? (await lookAgain())
      if (source === null) {
        throw new Failure('not-found', `${forgeId} is not connected: "slipway connect ${instance.kind}" does that`)
      }
      try {
        return await source.receive(delivery)
      } catch (err) {
        if (!(err instanceof Failure) || err.code !== 'invalid-signature') throw err
        const newer = await lookAgain()
        if (newer === null || newer === source) throw err
        return await newer.receive(delivery)
      }
    }
  }
}

/** GitHub signs with one of the secrets. A GitLab signs, or sends along what it was given: each is accepted as what it is. */
function sourceOf(instance: ForgeInstance, secrets: string[], now: () => number): WebhookSource {
  if (instance.kind === 'github') return createGitHubWebhooks({ instance, secrets })
  const sources = secrets.map((secret) => {
    const isSigning = secret.startsWith('whsec_')
    const signingToken = isSigning ? secret : null
    return createGitLabWebhooks({ instance, signingToken, token: isSigning ? null : secret, now })
  })
  return {
    instance,
    async receive(delivery) {
      for (const source of sources.slice(0, -1)) {
        try {
          return await source.receive(delivery)
        } catch (err) {
          if (!(err instanceof Failure) || err.code !== 'invalid-signature') throw err
        }
      }
      const last = sources.at(-1)
      if (last === undefined) throw new Failure('invalid-signature', 'nothing is known to hold it against')
      return last.receive(delivery)
    }
  }
}
