import type { ForgeApi, ForgeApp, Store } from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'
import type { ForgeCredentials } from './credentials.ts'

export interface FollowedForgesDeps {
  store: { forgeApps: Pick<Store['forgeApps'], 'list'> }
  credentials: Pick<ForgeCredentials, 'opener' | 'openerId'>
  /** Those with credentials in the environment: these win, and do not change. */
  configured: ForgeApi[]
  /** @throws Failure `invalid-configuration` */
  open(app: ForgeApp, opener: string): ForgeApi
  logger: Logger
}

export interface FollowedForges {
  /** Changes in place: whoever holds it always finds what counts now. */
  readonly forges: Map<string, ForgeApi>
  isConfigured(forgeId: string): boolean
  /** Of those from the store, as it was last looked. */
  app(forgeId: string): ForgeApp | null
  /** Called after each change. */
  onChange(listener: () => void): void
  /** Resolves when what is in the store counts here. */
  look(): Promise<void>
  readonly loop: Loop
}

/** How often it is looked, in case nobody says that something changed. */
const periodMs = 10_000

/** The forges that are called, as the environment and the store have them. */
export async function createFollowedForges(deps: FollowedForgesDeps): Promise<FollowedForges> {
  const { store, credentials, configured, open, logger } = deps
  const forges = new Map(configured.map((api) => [api.instance.forgeId, api]))
  const fixed = new Set(forges.keys())
  /** App and key, or token, of those from the store. */
  const known = new Map<string, { version: string; app: ForgeApp }>()
  const listeners: (() => void)[] = []

  /** @returns whether it is another one than before */
  async function followOne(app: ForgeApp): Promise<boolean> {
    const versionWith = (keyId: string | null) => `${app.appId} ${app.isHookActive} ${keyId}`
    if (known.get(app.forgeId)?.version === versionWith(await credentials.openerId(app))) return false
    const { id, text } = await credentials.opener(app)
    forges.set(app.forgeId, open(app, text))
    known.set(app.forgeId, { version: versionWith(id), app })
    logger.info({ forgeId: app.forgeId, appId: app.appId }, 'credentials of the forge read from the store')
    return true
  }

  /** One whose credentials cannot be read keeps neither the others from being followed, nor those who listen from hearing of them. */
  async function follow(): Promise<void> {
    let isChanged = false
    const failures: unknown[] = []
    const apps = (await store.forgeApps.list()).filter(({ forgeId }) => !fixed.has(forgeId))
    for (const app of apps) {
      try {
        if (await followOne(app)) isChanged = true
      } catch (err) {
        failures.push(err)
      }
    }
    for (const forgeId of known.keys()) {
      if (apps.some((app) => app.forgeId === forgeId)) continue
      known.delete(forgeId)
      forges.delete(forgeId)
      isChanged = true
    }
    if (isChanged) for (const listener of listeners) listener()
    if (failures.length > 0) throw failures[0]
  }

  /** One after the other: two at a time would each open what is new. */
  let last: Promise<void> = Promise.resolve()
  function look(): Promise<void> {
    const before = last
    const next = (async () => {
      await before
      await follow()
    })()
    last = next.catch(() => undefined)
    return next
  }

  await look()
  return {
    forges,
    isConfigured: (forgeId) => fixed.has(forgeId),
    app: (forgeId) => known.get(forgeId)?.app ?? null,
    onChange: (listener) => listeners.push(listener),
    look,
    loop: createLoop('forges', periodMs, look, logger)
  }
}
