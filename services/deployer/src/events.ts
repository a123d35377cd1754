import {
  Failure,
  type ForgeApi,
  type ForgeEvent,
  type ForgeOwner,
  productionRef,
  type Repository,
  type Store
} from '@slipway/domain'
import { attemptLimit, backoffMs, createLoop, type Logger, type Loop } from '@slipway/service'
import type { Connections } from './connections.ts'
import { createUnknownRepositories } from './unknown-repositories.ts'

export interface EventsDeps {
  store: Pick<Store, 'deliveries' | 'repositories' | 'owners' | 'builds'>
  forges: Map<string, ForgeApi>
  connections: Connections
  installationBranch: string | null
  isLeader(): boolean
  /** Something was queued. */
  queued(): void
  now: () => number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

/**
 * Applies what forges say besides pushes. An event is only a hint that something changed: the forge is asked what is true now,
 * and an unclear answer changes nothing. Nothing here removes a function.
 */
export function createEvents({
  store,
  forges,
  connections,
  installationBranch,
  isLeader,
  queued,
  now,
  monotonicNow,
  logger
}: EventsDeps): Loop {
  const resolveUnknown = createUnknownRepositories({ store, forges, queued, now, monotonicNow, logger })

  async function applyRerequest(
    forge: ForgeApi,
    event: Extract<ForgeEvent, { kind: 'rerequest' }>,
    signal: AbortSignal
  ): Promise<string | null> {
    const repository = await store.repositories.findByForge(forge.instance.forgeId, event.forgeRepositoryId)
    if (repository === null || repository.disconnectedAt !== null) return 'the repository is not connected'
    const ref = productionRef(repository, installationBranch)
    if ((await forge.findHead(repository, ref, signal)) !== event.commit) return 'not the head: use rollback'
    const { commit, sender } = event
    const trigger = 'rebuild' as const
    await store.builds.queue(
      {
        repositoryId: repository.id,
        ref,
        commit,
        before: null,
        trigger,
        message: null,
        sender: sender.login,
        noCache: false
      },
      now()
    )
    queued()
    return null
  }

  /** @returns why nothing was done, or null. */
  async function apply(forgeId: string, event: ForgeEvent, signal: AbortSignal): Promise<string | null> {
    const forge = forges.get(forgeId)
    if (forge === undefined) throw new Failure('not-found', `the forge ${forgeId} is not configured any more`)
    switch (event.kind) {
      case 'installation':
        await connections.refreshInstallation(forge, event.installationId, 'event', signal)
        return null
      case 'repository-changed': {
        const known = await store.repositories.findByForge(forgeId, event.forgeRepositoryId)
        const hint = { id: event.forgeRepositoryId, installationId: event.installationId }
        await connections.refresh(forge, known, hint, 'event', signal)
        return null
      }
      case 'owner-renamed':
        return renameOwner(forge, event.owner, signal)
      case 'rerequest':
        return applyRerequest(forge, event, signal)
      case 'push':
      case 'ping':
      case 'ignored':
        return 'nothing to do'
    }
  }

  /** A renamed owner's repositories have other addresses now: each is looked up, which also says how the owner is called. */
  async function renameOwner(forge: ForgeApi, owner: ForgeOwner, signal: AbortSignal): Promise<string | null> {
    const known = await store.owners.findByForge(forge.instance.forgeId, owner.forgeOwnerId)
    if (known === null) return 'the owner is not known'
    for (let before: string | null = null; ; ) {
      const page: Repository[] = await store.repositories.list(known.id, { before, limit: 100 })
      for (const one of page) {
        const hint = { id: one.forgeRepositoryId, installationId: one.installationId }
        await connections.refresh(forge, one, hint, 'event', signal)
      }
      before = page.at(-1)?.id ?? null
      if (before === null) return null
    }
  }

  async function applyDue(signal: AbortSignal): Promise<void> {
    for (const { id, forgeId, event, attempt } of await store.deliveries.due(now(), 20)) {
      try {
        const reason = await apply(forgeId, event, signal)
        await store.deliveries.settle(id, { outcome: 'applied', reason, nextAttemptAt: null })
      } catch (err) {
        if (signal.aborted) return
        const isOver = (err instanceof Failure && !err.retry) || attempt + 1 >= attemptLimit
        const reason = err instanceof Failure ? err.message : 'an internal error: see the log of the deployer'
        logger.warn({ err, deliveryId: id, event: event.kind }, 'an event could not be applied')
        await store.deliveries.settle(id, {
          outcome: isOver ? 'failed' : 'retry',
          reason,
          nextAttemptAt: isOver ? null : now() + backoffMs(attempt + 1)
        })
      }
    }
  }

  /** An owner whose name is taken waits for an administrator; its builds say so instead of waiting in silence. */
  async function failNameless(): Promise<void> {
    for (const build of await store.builds.list(null, { status: 'queued' }, { before: null, limit: 100 })) {
      const owner = build.ownerId === null ? null : await store.owners.get(build.ownerId)
      if (owner === null || owner.slug !== null) continue
      const reason = `the name "${owner.login}" is taken or reserved here: an administrator gives this owner another (PUT /api/v1/owners/${owner.id}), then rebuild`
      await store.builds.finish(build.id, null, { status: 'failed', reason }, now())
    }
  }

  return createLoop(
    'events',
    1000,
    async (signal) => {
      if (!isLeader()) return
      await applyDue(signal)
      await resolveUnknown(signal)
      await failNameless()
    },
    logger
  )
}
