import { type CleanUpReport, cleanUpAll, joinReports, type Retention } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import { createLoop, type Logger, type Loop } from '@slipway/service'
import type { Uploads } from '@slipway/source'
import type { ImageEngine } from './engine/image-engine.ts'
import type { Mirrors } from './git/mirrors.ts'

export interface CleanUpDeps {
  retention: Pick<Retention, 'neededImages' | 'neededUploads'>
  mirrors: Pick<Mirrors, 'sweep'>
  engine: Pick<ImageEngine, 'removeRooms' | 'removeUnnamed' | 'removeUnneeded' | 'pruneCache'>
  uploads: Pick<Uploads, 'sweep'>
  /** Versions of a folder that was sent. */
  keepUploads: number
  /** Former deployments of a function whose images stay. */
  keepRollbacks: number
  /** null: the engine's build cache may be somebody else's as well, and is left alone. */
  cacheBytes: number | null
  signals: Pick<Signals, 'send' | 'listen'>
  /** This builder's name, in answers. */
  holder: string
  periodMs: number
  now: () => number
  logger: Logger
}

export interface CleanUp {
  /** Does it now; several who ask at the same time share one. */
  run(signal: AbortSignal): Promise<CleanUpReport>
  close(): Promise<void>
}

/** A build that takes longer than this from naming its image to pushing it builds it again. */
const buildMs = 3600_000

/** What piles up on a builder's machine, taken away on a timer, when the disk is full, and on request. */
export function createCleanUp(deps: CleanUpDeps): CleanUp {
  const {
    retention,
    mirrors,
    uploads,
    keepUploads,
    engine,
    keepRollbacks,
    cacheBytes,
    signals,
    holder,
    periodMs,
    now,
    logger
  } = deps
  const stop = new AbortController()
  let running: Promise<CleanUpReport> | null = null

  async function runAlone(): Promise<CleanUpReport> {
    const { signal } = stop
    const counted = async (work: Promise<number>) => ({ count: await work })
    const { failures, ...report } = await cleanUpAll(
      {
        'mirrors and checkouts': () => mirrors.sweep(signal),
        'rooms of builds': () => counted(engine.removeRooms(signal)),
        'folders that were sent': async () => uploads.sweep(await retention.neededUploads(keepUploads), signal),
        'images without a name': () => counted(engine.removeUnnamed(signal)),
        'images of the engine': async () =>
          counted(engine.removeUnneeded(await retention.neededImages(keepRollbacks), now() - buildMs, signal)),
        'build cache': async () => (cacheBytes === null ? { count: 0 } : engine.pruneCache(cacheBytes, signal))
      },
      signal
    )
    for (const err of failures) logger.warn({ err }, 'a part of the clean-up failed, it is tried again')
    const joined = joinReports([report])
    if (joined.removed.length > 0) logger.info({ removed: joined.removed }, 'cleaned up')
    return joined
  }

  async function run(): Promise<CleanUpReport> {
    running ??= runAlone().finally(() => {
      running = null
    })
    return running
  }

  const unlisten = signals.listen('clean', ({ runId }) => {
    const answer = (report: string) => signals.send('cleaned', { runId, builder: holder, report })
    answer('')
    run().then(
      (report) => answer(JSON.stringify(report)),
      (err: unknown) => answer(JSON.stringify({ removed: [], problems: [`builder: ${String(err)}`] }))
    )
  })
  // Images that lost their name have a moment at the start; what takes longer comes with the timer.
  let isFirst = true
  const loop: Loop = createLoop(
    'clean-up',
    periodMs,
    async () => {
      if (!isFirst) await run()
      else await engine.removeUnnamed(stop.signal)
      isFirst = false
    },
    logger
  )
  return {
    async run(signal) {
      const report = await run()
      signal.throwIfAborted()
      return report
    },
    async close() {
      unlisten()
      stop.abort(new Error('shutdown'))
      await loop.close()
      await running?.catch(() => null)
    }
  }
}
