import type { AsyncBacklog } from '@slipway/queue/async-backlog'
import type { AsyncCall, AsyncCalls, AsyncWorker, MakeCall } from '@slipway/queue/async-calls'
import type { Logger } from '@slipway/service/logger'
import { createLoop } from '@slipway/service/loop'

export interface AsyncDeskDeps {
  backlog: AsyncBacklog
  /** Loads what keeps the calls: asked for when there is one. */
  open(): Promise<AsyncCalls>
  make: MakeCall
  periodMs?: number
  /** A function without calls is looked after for so long. */
  idleMs?: number
  graceMs: number
  now: () => number
  logger: Logger
}

/** Takes calls that nobody waits for, and has those of all functions made that have any. */
export interface AsyncDesk {
  /** Resolves when the call is recorded. @throws Failure `unavailable`, `too-many-requests` */
  leave(functionKey: string, call: AsyncCall): Promise<void>
  close(): Promise<void>
}

export function createAsyncDesk({
  backlog,
  open,
  make,
  periodMs = 2000,
  idleMs = 30_000,
  graceMs,
  now,
  logger
}: AsyncDeskDeps): AsyncDesk {
  const workers = new Map<string, { worker: AsyncWorker; busyAt: number }>()
  let opening: Promise<AsyncCalls> | null = null
  let closing: Promise<void> | null = null

  async function calls(): Promise<AsyncCalls> {
    try {
      return await (opening ??= open())
    } catch (err) {
      opening = null
      throw err
    }
  }

  async function lookAfter(functionKey: string): Promise<void> {
    const kept = await calls()
    if (closing !== null) return
    const known = workers.get(functionKey)
    if (known !== undefined) known.busyAt = now()
    else workers.set(functionKey, { worker: kept.work(functionKey, make), busyAt: now() })
  }

  /** It is put back where a call came at the same moment. */
  async function letGo(functionKey: string, worker: AsyncWorker): Promise<void> {
    workers.delete(functionKey)
    try {
      await backlog.remove(functionKey)
      if (await isBusy(functionKey)) await backlog.add(functionKey)
    } finally {
      // Also with Redis away: nobody else knows it any more.
      await worker.close(graceMs)
    }
  }

  async function isBusy(functionKey: string): Promise<boolean> {
    const { waiting, active, delayed } = await (await calls()).counts(functionKey)
    return waiting + active + delayed > 0
  }

  const loop = createLoop(
    'async',
    periodMs,
    async () => {
      // With Redis away there is nothing to look after; it is asked again.
      const functions = await backlog.functions().catch(() => null)
      if (functions === null) return
      for (const functionKey of functions) if (!workers.has(functionKey)) await lookAfter(functionKey)
      for (const [functionKey, kept] of workers) {
        if (await isBusy(functionKey)) {
          kept.busyAt = now()
          // Another gateway let go of it while the call was on its way here: should this one end, nobody would make it.
          if (!functions.includes(functionKey)) await backlog.add(functionKey)
        } else if (now() - kept.busyAt > idleMs) await letGo(functionKey, kept.worker)
      }
    },
    logger
  )

  async function end(): Promise<void> {
    await loop.close()
    await Promise.all([...workers.values()].map(({ worker }) => worker.close(graceMs)))
    await (await opening)?.close()
  }

  return {
    async leave(functionKey, call) {
      // First, so that a call is looked after by another gateway if this one ends in between.
      await backlog.add(functionKey)
      await (await calls()).enqueue(functionKey, call)
      await lookAfter(functionKey)
    },
    close: () => (closing ??= end())
  }
}
