import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, type ForgeApp, type ForgeConnection, type Store } from '@slipway/domain'
import { type ConvertedApp, convertManifestCode, githubInstanceAt, manifestFormUrl, manifestOf } from '@slipway/forge'
import type { Logger } from '@slipway/service'
import { isReachable } from '../reachable.ts'
import { type ForgeCredentials, newWebhookSecret } from './credentials.ts'
import type { FollowedForges } from './followed-forges.ts'

export interface ConnectDeps {
  store: Pick<Store, 'forgeApps' | 'forgeConnections'>
  credentials: ForgeCredentials
  followed: Pick<FollowedForges, 'forges' | 'isConfigured' | 'look'>
  /** Of the GitHub that is meant when none is named. */
  github: { forgeId: string; baseUrl: string; apiUrl: string }
  addresses: PublicAddresses
  forgeTimeoutMs: number
  /** The store has other credentials: whoever follows them should look. */
  changed(): void
  now: () => number
  logger: Logger
}

export interface PublicAddresses {
  /** Where people reach the pages; undefined: nowhere but on this machine. */
  pages: string | undefined
  /** Where forges reach the receiver. */
  receiver: string | undefined
}

/** How a forge's news come: it delivers them, or it is asked. */
export type ForgeMode = { mode: 'webhooks' | 'polling'; reason: string | null }

export interface Connect {
  begin(wanted: {
    organization: string | null
    url: string | null
    replace: boolean
    isPublic: boolean
    pagesUrl: string
    by: string
  }): Promise<{ id: string; state: string; expiresAt: number } & ForgeMode>
  /** What is posted where, for who has the state. @throws Failure `not-found`, `conflict` */
  form(state: string): Promise<{ formUrl: string; manifest: string }>
  /** @throws Failure that says what to do */
  convert(state: string, code: string, signal: AbortSignal): Promise<{ installUrl: string }>
}

const lifeMs = 3_600_000
const keptMs = 7 * 24 * 3_600_000
/** Without the store the App's key would be lost with this process: it is tried for so long. */
const keepForMs = 30_000

export function hashOf(state: string): string {
  return createHash('sha256').update(state).digest('hex')
}

export function webhookUrlOf({ receiver }: PublicAddresses, forgeId: string): string | null {
  return receiver === undefined ? null : `${receiver.replace(/\/+$/, '')}/webhooks/${forgeId}`
}

/** @param app null: one that is to be made, or that the environment names. */
export function modeFor(addresses: PublicAddresses, baseUrl: string, app: ForgeApp | null): ForgeMode {
  const isSilent = app !== null && !app.isHookActive
  if (isReachable(addresses.receiver, baseUrl)) {
    const reason = "the App's webhook is inactive: heads are asked every 15 s until a delivery comes"
    return isSilent ? { mode: 'polling', reason } : { mode: 'webhooks', reason: null }
  }
  const { hostname } = new URL(baseUrl)
  const why =
    addresses.receiver === undefined
      ? 'no public address is configured (PUBLIC_URL, or RECEIVER_PUBLIC_URL where webhooks have one of their own)'
      : `${hostname} cannot reach ${addresses.receiver}, an address of this machine or a private network`
  return { mode: 'polling', reason: `${why}: heads are asked every 15 s instead of waiting for deliveries` }
}

export function createConnect(deps: ConnectDeps): Connect {
  const { store, credentials, followed, github, addresses, changed, now, logger } = deps

  async function assertFree(forgeId: string, baseUrl: string, replace: boolean): Promise<ForgeApp | null> {
    if (followed.isConfigured(forgeId)) {
      throw new Failure(
        'conflict',
        `${forgeId} has its credentials in the environment (GITHUB_APP_ID), which win: unset them to connect it here`
      )
    }
    const known = await store.forgeApps.get(forgeId)
    if (known === null) return null
    if (known.baseUrl !== baseUrl) {
      throw new Failure(
        'conflict',
        `${forgeId} is connected to ${known.baseUrl}: what is known of its repositories does not count at ${baseUrl}`
      )
    }
    if (!replace) {
      throw new Failure(
        'conflict',
        `${forgeId} is connected already, by the App "${known.slug}" of ${known.ownerLogin} (${known.htmlUrl}): --replace puts another in its place`
      )
    }
    return known
  }

  return {
    async begin({ organization, url, replace, isPublic, pagesUrl, by }) {
      const instance = url === null ? { kind: 'github' as const, ...github } : githubInstanceAt(github.forgeId, url)
      const { forgeId, baseUrl } = instance
      const former = await assertFree(forgeId, baseUrl, replace)
      const mode = modeFor(addresses, baseUrl, null)
      const state = randomBytes(32).toString('base64url')
      const id = randomBytes(9).toString('base64url')
      const pages = pagesUrl.replace(/\/+$/, '')
      const manifest = manifestOf({
        // GitHub's names are unique and have at most 34 characters.
        name: `Slipway ${organization ?? ''}`.trim().slice(0, 27) + `-${randomBytes(3).toString('hex')}`,
        homepage: pages,
        hookUrl: mode.mode === 'webhooks' ? webhookUrlOf(addresses, forgeId) : null,
        redirectUrl: `${pages}/connect/github/callback`,
        setupUrl: `${pages}/connect/github/setup`,
        callbackUrls: [`${pages}/auth/${forgeId}/callback`],
        isPublic
      })
      await store.forgeConnections.collect(now() - keptMs)
      const connection: ForgeConnection = {
        id,
        stateHash: hashOf(state),
        instance,
        organization,
        manifest: JSON.stringify(manifest),
        replaces: former?.appId ?? null,
        startedBy: by,
        startedAt: now(),
        expiresAt: now() + lifeMs,
        status: 'started',
        reason: null,
        appId: null
      }
      await store.forgeConnections.begin(connection)
      return { id, state, expiresAt: connection.expiresAt, ...mode }
    },

    async form(state) {
      const connection = await store.forgeConnections.findByState(hashOf(state))
      if (connection === null) throw unknownState()
      if (connection.status !== 'started') throw spent(connection)
      if (connection.expiresAt <= now()) throw over()
      const { instance, organization, manifest } = connection
      return { formUrl: manifestFormUrl(instance, organization, state), manifest }
    },

    async convert(state, code, signal) {
      const connection = await store.forgeConnections.take(hashOf(state), now())
      if (connection === null) return alreadyTaken(state)
      const { id, instance } = connection
      try {
        const converted = await convertManifestCode({ instance, timeoutMs: deps.forgeTimeoutMs, now }, code, signal)
        await keep(connection, converted)
        logger.info({ forgeId: instance.forgeId, appId: converted.appId }, 'the forge is connected')
        return { installUrl: `${converted.htmlUrl}/installations/new` }
      } catch (err) {
        const reason = reasonOf(err, connection)
        // Where this cannot be said either the attempt stays as it is, which says the same.
        await store.forgeConnections
          .finish(id, { status: 'failed', reason, appId: null })
          .catch((inner: unknown) => logger.warn({ err: inner, connectionId: id }, 'the end of connecting is not kept'))
        throw new Failure(err instanceof Failure ? err.code : 'unavailable', reason, { cause: err })
      }
    }
  }

  async function keep({ id, instance, manifest, replaces }: ForgeConnection, converted: ConvertedApp): Promise<void> {
    const { privateKey, clientSecret, webhookSecret, ...found } = converted
    const hook = (JSON.parse(manifest) as { hook_attributes: { active: boolean } }).hook_attributes
    const app: ForgeApp = { ...instance, ...found, isHookActive: hook.active, createdAt: now() }
    const secret = webhookSecret ?? newWebhookSecret()
    await persistently(() => credentials.keepApp(app, { privateKey, webhookSecret: secret, clientSecret }, replaces))
    changed()
    await followed.look()
    if (webhookSecret === null) await followed.forges.get(app.forgeId)?.app?.changeHook({ secret }, never)
    await store.forgeConnections.finish(id, { status: 'connected', appId: app.appId })
  }

  /** Whoever comes with a state that was used: back again, or a replay. */
  async function alreadyTaken(state: string): Promise<{ installUrl: string }> {
    const connection = await store.forgeConnections.findByState(hashOf(state))
    if (connection === null) throw unknownState()
    const app = await store.forgeApps.get(connection.instance.forgeId)
    if (connection.status === 'connected' && app?.appId === connection.appId) {
      return { installUrl: `${app.htmlUrl}/installations/new` }
    }
    if (connection.status === 'started') throw over()
    throw spent(connection)
  }

  async function persistently(work: () => Promise<void>): Promise<void> {
    const until = now() + keepForMs
    for (;;) {
      try {
        await work()
        return
      } catch (err) {
        if (!(err instanceof Failure) || !err.retry || now() >= until) throw err
        logger.warn({ err }, "the App's credentials could not be kept, it is tried again")
        await sleep(500)
      }
    }
  }
}

const never = new AbortController().signal

function unknownState(): Failure {
  return new Failure(
    'not-found',
    'this address does not belong to an attempt of this installation to connect: start again with "slipway connect github"'
  )
}

function over(): Failure {
  return new Failure(
    'conflict',
    'the attempt to connect is over after an hour: start again with "slipway connect github"'
  )
}

/** The code was taken by an attempt that failed, or by a process that was killed before it could keep what it got. */
function spent({ status, reason, instance, organization }: ForgeConnection): Failure {
  if (status === 'failed' && reason !== null) return new Failure('conflict', reason)
  if (status === 'connected') return new Failure('conflict', 'this attempt to connect is done')
  return new Failure('conflict', orphaned(instance.baseUrl, organization))
}

export function appSettingsUrl(baseUrl: string, organization: string | null): string {
  return organization === null ? `${baseUrl}/settings/apps` : `${baseUrl}/organizations/${organization}/settings/apps`
}

function orphaned(baseUrl: string, organization: string | null): string {
  return `the App was made, but what opens it was not kept, and the forge gives it only once: delete the App at ${appSettingsUrl(baseUrl, organization)} and start again with "slipway connect github"`
}

function reasonOf(err: unknown, { instance, organization }: ForgeConnection): string {
  if (err instanceof Failure && err.code === 'not-found') {
    return `the forge does not know the code: it is good once, for an hour. If an App was made, delete it at ${appSettingsUrl(instance.baseUrl, organization)}; then start again with "slipway connect github"`
  }
  if (err instanceof Failure && err.code === 'conflict') return err.message
  const why = err instanceof Failure ? ` (${err.message})` : ''
  return `${orphaned(instance.baseUrl, organization)}${why}`
}
