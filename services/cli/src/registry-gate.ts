import { Failure } from '@slipway/domain'
import { orAborted } from '@slipway/service'

/** Lets the registry be used side by side, and something else happen only while nobody uses it. */
export interface RegistryGate {
  /** Waits while somebody is alone. */
  use<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
  /** Waits for the uses that are under way; new ones wait meanwhile. @throws Failure `conflict` when they take too long */
  alone<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

/** @param patienceMs how long new uses are held up for those that are under way */
export function createRegistryGate(patienceMs = 30_000): RegistryGate {
  const uses = new Set<Promise<unknown>>()
  let isClosed: Promise<unknown> | null = null

  return {
    async use(work, signal) {
      while (isClosed !== null) await orAborted(isClosed, signal)
      const use = settled(work())
      uses.add(use.done)
      void use.done.finally(() => uses.delete(use.done))
      return use.result
    },
    async alone(work, signal) {
      while (isClosed !== null) await orAborted(isClosed, signal)
      const { promise: opened, resolve: open } = Promise.withResolvers<void>()
      isClosed = opened
      try {
        await orAborted(Promise.all(uses), AbortSignal.any([signal, patience(patienceMs)]))
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
