import type { Signals } from '@slipway/queue'

/** What there was to do for one deployment, at all gateways together. */
export interface Load {
  /** Calls that are under way, those included that are held. */
  inFlight: number
  /** Calls that have begun since it was last asked. */
  calls: number
}

/** What gateways have to do. Kept in memory: they say it every 500 ms. */
export interface Loads {
  /** By deployment id, of those that had any; null: some gateway is not known well enough, so nothing follows from what the others say. */
  take(): ReadonlyMap<string, Load> | null
  close(): void
}

interface Told {
  inFlight: Record<string, number>
  inFlightAt: number
  waiting: Record<string, number>
  /** null: it did not tell of its load yet, as a gateway of a version before does. */
  loadAt: number | null
  /** Calls that it had in all when last heard. */
  calls: Map<string, number>
  /** Since they were last taken. */
  fresh: Map<string, number>
}

/** A gateway that was not heard of for so long is gone. */
const silenceMs = 5000
/** Each gateway speaks every 500 ms: by then all of them were heard. */
const listenMs = 1500

export interface LoadsOptions {
  signals: Pick<Signals, 'listen'>
  /** Calls are held for these deployments. */
  onWaiting(deploymentIds: string[]): void
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
}

export function createLoads({ signals, onWaiting, monotonicNow }: LoadsOptions): Loads {
  const startedAt = monotonicNow()
  const gateways = new Map<string, Told>()

  function toldBy(gatewayId: string): Told {
    const known = gateways.get(gatewayId)
    if (known !== undefined) return known
    const made: Told = {
      inFlight: {},
      inFlightAt: monotonicNow(),
      waiting: {},
      loadAt: null,
      calls: new Map(),
      fresh: new Map()
    }
    gateways.set(gatewayId, made)
    return made
  }

  const unlisten = [
    signals.listen('gateway', ({ gatewayId, inFlight }) => {
      Object.assign(toldBy(gatewayId), { inFlight, inFlightAt: monotonicNow() })
    }),
    signals.listen('load', ({ gatewayId, calls, waiting }) => {
      const told = toldBy(gatewayId)
      told.loadAt = monotonicNow()
      told.waiting = waiting
      for (const [id, total] of Object.entries(calls)) {
        const before = told.calls.get(id)
        // Heard of for the first time: how many of them are new is not known, only that there was something.
        const more = before === undefined ? 1 : Math.max(0, total - before)
        told.calls.set(id, total)
        if (more > 0) told.fresh.set(id, (told.fresh.get(id) ?? 0) + more)
      }
      const asleep = Object.keys(waiting)
      if (asleep.length > 0) onWaiting(asleep)
    })
  ]

  function isKnown({ inFlightAt, loadAt }: Told): boolean {
    return loadAt !== null && Math.min(loadAt, inFlightAt) >= monotonicNow() - silenceMs
  }

  return {
    take() {
      for (const [id, { inFlightAt }] of gateways) if (monotonicNow() - inFlightAt > silenceMs) gateways.delete(id)
      const all = [...gateways.values()]
      if (all.length === 0 || monotonicNow() - startedAt < listenMs || !all.every(isKnown)) return null
      const sum = new Map<string, Load>()
      const add = (id: string, inFlight: number, calls: number) => {
        const known = sum.get(id) ?? { inFlight: 0, calls: 0 }
        sum.set(id, { inFlight: known.inFlight + inFlight, calls: known.calls + calls })
      }
      for (const { inFlight, waiting, fresh } of all) {
        for (const [id, count] of Object.entries(inFlight)) add(id, count, 0)
        // Calls of the asynchronous kind are held without being under way.
        for (const [id, count] of Object.entries(waiting)) add(id, Math.max(0, count - (inFlight[id] ?? 0)), 0)
        for (const [id, count] of fresh) add(id, 0, count)
        fresh.clear()
      }
      return sum
    },
    close() {
      for (const stop of unlisten) stop()
    }
  }
}
