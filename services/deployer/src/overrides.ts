import type { Build, ForgeApi, Repository, Store } from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface OverridesDeps {
  store: Pick<Store, 'heads'>
  forges: Map<string, ForgeApi>
  isLeader(): boolean
  /** The build's worker is to stop it. */
  stop(buildId: string): void
  now: () => number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

const longestWaitMs = 10_000

/**
 * For repositories with the policy `override`: stops a running build as soon as its branch has moved on. A newer build that waits
 * is only a hint, for deliveries come late and in any order: the forge has to name one that waits as the head.
 */
export function createOverrides({ store, forges, isLeader, stop, now, monotonicNow, logger }: OverridesDeps): Loop {
  const asked = new Map<string, { waiting: string; times: number; nextAt: number }>()

  async function look(build: Build, repository: Repository, waiting: string[], signal: AbortSignal): Promise<void> {
    const forge = forges.get(repository.forgeId)
    const key = waiting.join()
    const before = asked.get(build.id)
    const known = before?.waiting === key ? before : { waiting: key, times: 0, nextAt: 0 }
    if (forge === undefined || monotonicNow() < known.nextAt) return
    const waitMs = Math.min(500 * 2 ** known.times, longestWaitMs)
    asked.set(build.id, { waiting: key, times: known.times + 1, nextAt: monotonicNow() + waitMs })
    const head = await forge.findHead(repository, build.ref, signal)
    if (head === null || !waiting.includes(head) || !(await store.heads.supersede(build.id, head, now()))) return
    stop(build.id)
    logger.info({ buildId: build.id, ref: build.ref, commit: head }, 'the branch moved on: the build is stopped')
  }

  return createLoop(
    'overrides',
    1000,
    async (signal) => {
      if (!isLeader()) return
      const overtaken = await store.heads.overtaken()
      const ids = new Set(overtaken.map(({ build }) => build.id))
      for (const id of asked.keys()) if (!ids.has(id)) asked.delete(id)
      for (const { build, repository, waiting } of overtaken) {
        await look(build, repository, waiting, signal).catch((err: unknown) => {
          signal.throwIfAborted()
          logger.warn({ err, buildId: build.id }, 'it is not known whether the branch moved on')
        })
      }
    },
    logger
  )
}
