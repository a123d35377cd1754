import { type ForgeApi, productionRef, type Removal, type Store } from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'
import type { Connections } from './connections.ts'

export interface RemovalsDeps {
  store: Pick<Store, 'heads' | 'removals' | 'repositories'>
  forges: Map<string, ForgeApi>
  connections: Pick<Connections, 'refresh'>
  installationBranch: string | null
  /** How long something is gone before its functions go. */
  graceMs: number
  periodMs: number
  isLeader(): boolean
  /** Live deployments changed. */
  routesChanged(): void
  now: () => number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

/** After an answer that is not clear the forge is asked again so much later. */
const unclearMs = 10 * 60_000

/**
 * Takes functions away whose repository or production branch is gone for longer than the grace period, once the forge has
 * said so again. Anything but a clear answer removes nothing.
 */
export function createRemovals(deps: RemovalsDeps): Loop {
  const {
    store,
    forges,
    connections,
    installationBranch,
    graceMs,
    isLeader,
    routesChanged,
    now,
    monotonicNow,
    logger
  } = deps
  const askAgainAt = new Map<string, number>()

  /** Why the functions are to go; null when they stay. */
  async function confirm({ repository, ref }: Removal, forge: ForgeApi, signal: AbortSignal): Promise<string | null> {
    const { id, forgeRepositoryId, installationId, fullName } = repository
    const hint = { id: forgeRepositoryId, installationId }
    const presence = await connections.refresh(forge, repository, hint, 'look', signal)
    if (ref === null) return presence === 'lost' ? `${fullName} is gone from the forge, or disconnected there` : null
    const current = await store.repositories.get(id)
    if (presence !== 'there' || current === null) return null
    if (productionRef(current, installationBranch) !== ref) {
      await store.removals.forget(id, ref)
      return null
    }
    const head = await forge.findHead(current, ref, signal)
    if (head === null) return `${ref.replace('refs/heads/', 'the branch ')} of ${fullName} was deleted`
    await store.heads.settle(id, ref, head, now())
    return null
  }

  async function decide(removal: Removal, signal: AbortSignal): Promise<void> {
    const { repository, ref } = removal
    const { id: repositoryId, forgeId } = repository
    const key = `${repositoryId} ${ref}`
    const forge = forges.get(forgeId)
    if (forge === undefined || monotonicNow() < (askAgainAt.get(key) ?? 0)) return
    askAgainAt.set(key, monotonicNow() + unclearMs)
    const reason = await confirm(removal, forge, signal)
    if (reason === null) {
      logger.info({ repositoryId, ref }, 'the forge does not say clearly that it is gone: nothing is removed')
      return
    }
    const functions = await store.removals.remove(removal, reason, now())
    askAgainAt.delete(key)
    if (functions === null) return
    routesChanged()
    logger.warn({ repositoryId, ref, functions, reason }, 'functions removed after the grace period')
  }

  return createLoop(
    'removals',
    deps.periodMs,
    async (signal) => {
      if (!isLeader()) return
      for (const removal of await store.removals.due(now() - graceMs, 100)) {
        try {
          await decide(removal, signal)
        } catch (err) {
          if (signal.aborted) return
          logger.warn({ err, repositoryId: removal.repository.id }, 'nothing is removed: the forge could not be asked')
        }
      }
    },
    logger
  )
}
