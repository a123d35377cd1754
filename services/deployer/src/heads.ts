import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, type ForgeApi, productionRef, type Repository, type Store } from '@slipway/domain'
import type { Loop } from '@slipway/service'
import type { Connections } from './connections.ts'
import { createRounds, type RoundsDeps } from './rounds.ts'

export interface HeadsDeps extends Omit<RoundsDeps, 'name' | 'forgeId'> {
  store: Pick<Store, 'heads' | 'repositories'>
  forge: ForgeApi
  connections: Pick<Connections, 'refresh'>
  installationBranch: string | null
  /** Something was queued. */
  queued(): void
  now: () => number
  /** How many heads are asked at a time, and how long that takes at least: ten a second stay below every forge's limits. */
  batch?: { size: number; paceMs: number }
}

/** How often a repository that looks lost is asked after. */
const suspicionMs = 10 * 60_000

/**
 * What makes the system right when a delivery was lost: asks one forge where the production branches point, all of them one
 * after the other, and has the store compare that with what was observed.
 */
export function createHeads(deps: HeadsDeps): Loop {
  const { store, forge, connections, installationBranch, queued, now, monotonicNow, logger } = deps
  const { size, paceMs } = deps.batch ?? { size: 10, paceMs: 1000 }
  const { forgeId } = forge.instance
  let cursor: string | null = null
  /** Rate limits are counted per installation, where there are any. */
  const pausedUntil = new Map<string | null, number>()
  const suspectedAt = new Map<string, number>()

  /** null: there is none, or it may not be seen. */
  async function headOf(repository: Repository, signal: AbortSignal): Promise<string | null> {
    try {
      return await forge.findHead(repository, productionRef(repository, installationBranch), signal, 'whenever')
    } catch (err) {
      if (err instanceof Failure && (err.code === 'forbidden' || err.code === 'not-found')) return null
      throw err
    }
  }

  /** A branch without a head: was the branch deleted, is another one the default now, or is the whole repository lost? */
  async function suspect(repository: Repository, signal: AbortSignal): Promise<Repository | null> {
    const { id, forgeRepositoryId, installationId } = repository
    const suspected = suspectedAt.get(id)
    if (suspected !== undefined && monotonicNow() - suspected < suspicionMs) return repository
    suspectedAt.set(id, monotonicNow())
    const presence = await connections.refresh(
      forge,
      repository,
      { id: forgeRepositoryId, installationId },
      'look',
      signal
    )
    return presence === 'there' ? store.repositories.get(id) : null
  }

  async function look(known: Repository, signal: AbortSignal): Promise<void> {
    const limitedBy = known.installationId
    if (monotonicNow() < (pausedUntil.get(limitedBy) ?? 0)) return
    try {
      let repository: Repository | null = known
      let head = await headOf(known, signal)
      if (head === null) {
        repository = await suspect(known, signal)
        if (repository === null || repository.disconnectedAt !== null) return
        head = await headOf(repository, signal)
      } else suspectedAt.delete(known.id)
      if (known.seenBy === null) {
        // Known from a delivery alone: once it has been seen, a loss can be told from never having been visible.
        const hint = { id: known.forgeRepositoryId, installationId: known.installationId }
        await connections.refresh(forge, known, hint, 'look', signal)
      }
      const ref = productionRef(repository, installationBranch)
      const build = await store.heads.settle(repository.id, ref, head, now())
      if (build === null) return
      queued()
      logger.info({ repositoryId: repository.id, ref, commit: head, buildId: build.id }, 'the head was missed: queued')
    } catch (err) {
      if (!(err instanceof Failure) || err.code !== 'rate-limited') throw err
      pausedUntil.set(limitedBy, monotonicNow() + (err.retryAfterMs ?? 60_000))
      logger.warn({ err, forgeId, installationId: limitedBy }, 'heads are asked again when the rate limit allows it')
    }
  }

  return createRounds({ ...deps, name: 'heads', forgeId }, async (signal) => {
    for (;;) {
      const pause = sleep(paceMs, undefined, { signal, ref: false }).catch(() => undefined)
      const repositories = await store.heads.watched(forgeId, cursor, size)
      // Forwards in any case: what fails for one repository must not keep the others from being asked.
      cursor = repositories.length < size ? null : (repositories.at(-1)?.id ?? null)
      const results = await Promise.allSettled(repositories.map((repository) => look(repository, signal)))
      signal.throwIfAborted()
      const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
      if (failed.length > 0 && failed.length === results.length) throw failed[0]
      for (const err of failed) logger.warn({ err, forgeId }, 'a head could not be asked')
      if (cursor === null) return
      await pause
    }
  })
}
