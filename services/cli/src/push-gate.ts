import { Failure } from '@slipway/domain'
import { orAborted } from '@slipway/service'

/** Lets pushes to the registry happen side by side, and something else only without any. */
export interface PushGate {
  /** Waits while somebody is alone. */
  push<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
  /** Waits for the pushes that are under way; new ones wait meanwhile. @throws Failure `conflict` when they take too long */
  alone<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

/** @param patienceMs how long new pushes are held up for those that are under way */
export function createPushGate(patienceMs = 30_000): PushGate {
  const pushes = new Set<Promise<unknown>>()
  let isClosed: Promise<unknown> | null = null

  return {
    async push(work, signal) {
      while (isClosed !== null) await orAborted(isClosed, signal)
      const push = settled(work())
      pushes.add(push.done)
      void push.done.finally(() => pushes.delete(push.done))
      return push.result
    },
    async alone(work, signal) {
      while (isClosed !== null) await orAborted(isClosed, signal)
      const { promise: opened, resolve: open } = Promise.withResolvers<void>()
      isClosed = opened
      try {
        await orAborted(Promise.all(pushes), AbortSignal.any([signal, patience(patienceMs)]))
        return await work()
      } finally {
        isClosed = null
        open()
      }
    }
  }
}

/** A promise that never rejects beside the one that may. */
function settled<T>(result: Promise<T>): { result: Promise<T>; done: Promise<unknown> } {
  return { result, done: result.catch(() => null) }
}

function patience(ms: number): AbortSignal {
  const end = new AbortController()
  const reason = new Failure('conflict', 'images are being pushed to the registry: its layers are collected later')
  setTimeout(() => end.abort(reason), ms).unref()
  return end.signal
}
