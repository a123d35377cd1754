import type { Failure } from '@slipway/domain/failure'
import { noSuchFunction } from './address.ts'
import { notStarted, startedTooSlowly } from './refusals.ts'
import type { RouteTable } from './routes.ts'
import { isAsleep, type Upstream } from './upstream.ts'

/** Calls that are held until their function has a replica. Who is at load hears of them by `waiting`, and starts one for all. */
export interface Waking {
  /**
   * Tells once which deployment can be called now, or why none can. That may be another one than was asked for: it took its place.
   *
   * @returns ends it without a word
   */
  hold(upstream: Upstream, tell: (outcome: Upstream | Failure) => void): () => void
  /** @throws Failure `unavailable`; the signal's reason when it aborts first */
  awake(upstream: Upstream, signal: AbortSignal): Promise<Upstream>
  /** The routes were swapped: those whose function has a replica now go on. */
  look(): void
  /** It cannot be started. */
  refuse(deploymentId: string): void
  /** Deployment id to calls. */
  waiting(): Record<string, number>
}

export interface WakingOptions {
  table: Pick<RouteTable, 'find'>
  /** Somebody waits: to be told to who starts functions. */
  asked(): void
  /** A call is held for so long at most. */
  timeoutMs: number
}

interface Held {
  upstream: Upstream
  tell: (outcome: Upstream | Failure) => void
  timer: NodeJS.Timeout
}

export function createWaking({ table, asked, timeoutMs }: WakingOptions): Waking {
  const held = new Set<Held>()

  function end(one: Held, outcome: Upstream | Failure): void {
    if (!held.delete(one)) return
    clearTimeout(one.timer)
    one.tell(outcome)
  }

  function waiting(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { upstream } of held) counts[upstream.deploymentId] = (counts[upstream.deploymentId] ?? 0) + 1
    return counts
  }

  function hold(upstream: Upstream, tell: Held['tell']): () => void {
    const isFirst = waiting()[upstream.deploymentId] === undefined
    const timer = setTimeout(() => end(one, startedTooSlowly(upstream, timeoutMs)), timeoutMs)
    const one: Held = { upstream, tell, timer }
    held.add(one)
    if (isFirst) asked()
    return () => {
      clearTimeout(timer)
      held.delete(one)
    }
  }

  return {
    hold,
    awake: (upstream, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const leave = () => {
          drop()
          reject(signal.reason)
        }
        const drop = hold(upstream, (outcome) => {
          signal.removeEventListener('abort', leave)
          if (outcome instanceof Error) reject(outcome)
          else resolve(outcome)
        })
        signal.addEventListener('abort', leave, { once: true })
      }),
    look() {
      for (const one of held) {
        const { ownerSlug: slug, functionName } = one.upstream
        const now = table.find({ kind: 'name', slug, functionName, target: '/' })
        if (now === null) end(one, noSuchFunction())
        else if (isAsleep(now)) one.upstream = now
        else end(one, now)
      }
    },
    refuse(deploymentId) {
      for (const one of held) if (one.upstream.deploymentId === deploymentId) end(one, notStarted(one.upstream))
    },
    waiting
  }
}
