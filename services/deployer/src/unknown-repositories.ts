import { Failure, type ForgeApi, type Store } from '@slipway/domain'
import { backoffMs, type Logger } from '@slipway/service'

export interface UnknownRepositoriesDeps {
  store: Pick<Store, 'repositories'>
  forges: ReadonlyMap<string, Pick<ForgeApi, 'findRepository' | 'identity'>>
  /** Builds may be admitted now that could not be before. */
  queued(): void
  now: () => number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

const batch = 20

/**
 * Looks up repositories that were first heard of in a delivery that does not name the owner's id, before anything of them is built.
 * Each that cannot be looked up has a back-off of its own, and stands in nobody's way meanwhile.
 */
export function createUnknownRepositories({
  store,
  forges,
  queued,
  now,
  monotonicNow,
  logger
}: UnknownRepositoriesDeps) {
  const troubles = new Map<string, { failures: number; dueAt: number }>()

  return async function resolve(signal: AbortSignal): Promise<void> {
    const later = [...troubles].filter(([, { dueAt }]) => dueAt > monotonicNow()).map(([id]) => id)
    for (const repository of await store.repositories.unresolved(batch, later)) {
      const { id: repositoryId, forgeId, forgeRepositoryId, installationId, fullName } = repository
      const forge = forges.get(forgeId)
      try {
        if (forge === undefined) throw new Failure('not-found', `the forge ${forgeId} is not configured any more`)
        const found = await forge.findRepository({ forgeRepositoryId, installationId, fullName }, signal)
        if (found?.owner == null) await store.repositories.disconnect(repositoryId, now())
        else {
          const seenBy = { identity: await forge.identity(signal), isConnectionSeen: found.connection === 'there' }
          await store.repositories.connect(forgeId, { ...found, owner: found.owner }, now(), seenBy)
        }
        troubles.delete(repositoryId)
        queued()
      } catch (err) {
        if (signal.aborted) return
        const failures = (troubles.get(repositoryId)?.failures ?? 0) + 1
        const retryMs = backoffMs(failures)
        troubles.set(repositoryId, { failures, dueAt: monotonicNow() + retryMs })
        logger.warn({ err, repositoryId, failures, retryMs }, 'a repository could not be looked up, it is tried again')
      }
    }
  }
}
