import { Failure } from '@slipway/domain'
import type { AsyncCall, AsyncCalls, MakeCall } from '@slipway/queue/async-calls'
import type { GatewayDeps } from '../service.ts'

export interface KeptCalls {
  deps: GatewayDeps['asyncCalls']
  /** Why calls were given up. */
  dead: string[]
  /** Asks for tries that were made, with the wait that was asked for before each. */
  waits: number[]
  setAway(isAway: boolean): void
}

/** Calls that are kept in this process: as those in Redis, but for the time between tries. */
export function createKeptCalls(): KeptCalls {
  const known = new Set<string>()
  const waiting = new Map<string, { call: AsyncCall; attempt: number }[]>()
  const makers = new Map<string, MakeCall>()
  const stop = new AbortController()
  const dead: string[] = []
  const waits: number[] = []
  let isAway = false
  const check = () => {
    if (isAway) throw new Failure('unavailable', 'Redis does not answer')
  }

  function pump(functionKey: string): void {
    const make = makers.get(functionKey)
    const next = make === undefined ? undefined : waiting.get(functionKey)?.shift()
    if (make === undefined || next === undefined) return
    void attempt(make, functionKey, next)
    pump(functionKey)
  }

  async function attempt(
    make: MakeCall,
    functionKey: string,
    { call, attempt: made }: { call: AsyncCall; attempt: number }
  ) {
    try {
      const outcome = await make(call, made, stop.signal)
      if (outcome.kind === 'dead') dead.push(outcome.reason)
      if (outcome.kind !== 'retry') return
      waits.push(outcome.waitMs)
      put(functionKey, { call, attempt: made + 1 })
    } catch (err) {
      // Given back, to nobody: the test is over.
      if (!stop.signal.aborted) throw err
    }
  }

  function put(functionKey: string, one: { call: AsyncCall; attempt: number }): void {
    waiting.set(functionKey, [...(waiting.get(functionKey) ?? []), one])
    setTimeout(() => pump(functionKey), 5)
  }

  const calls: AsyncCalls = {
    async enqueue(functionKey, call) {
      check()
      put(functionKey, { call, attempt: 1 })
    },
    isUnderWay: async (functionKey) => (waiting.get(functionKey)?.length ?? 0) > 0,
    counts: async (functionKey) => ({
      waiting: waiting.get(functionKey)?.length ?? 0,
      active: 0,
      delayed: 0,
      dead: dead.length
    }),
    work(functionKey, make) {
      makers.set(functionKey, make)
      pump(functionKey)
      return { close: async () => void makers.delete(functionKey) }
    },
    close: async () => stop.abort()
  }
  return {
    deps: {
      backlog: {
        async functions() {
          check()
          return [...known]
        },
        async add(functionKey) {
          check()
          known.add(functionKey)
        },
        remove: async (functionKey) => void known.delete(functionKey),
        close: () => undefined
      },
      open: async () => calls
    },
    dead,
    waits,
    setAway(next) {
      isAway = next
    }
  }
}
