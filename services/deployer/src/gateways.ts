import type { Signals } from '@slipway/queue'

interface Report {
  at: number
  routesVersion: number
  inFlight: Record<string, number>
}

/** What the gateways say they serve. Kept in memory: they say it every 500 ms. */
export interface Gateways {
  /**
   * True when every gateway that is alive has routes of at least that version and no request of the deployment in flight.
   * Right after the start nobody has spoken yet: then it is false.
   */
  haveLeft(deploymentId: string, routesVersion: number): boolean
  /** True when every gateway that is alive has routes of at least that version, and when none is known. */
  haveRoutes(routesVersion: number): boolean
  close(): void
}

/** A gateway that was not heard of for so long is gone. */
const silenceMs = 5000
/** Each gateway speaks every 500 ms: by then all of them were heard. */
const listenMs = 1500

/** @param now milliseconds of a clock that nobody sets. */
export function createGateways(signals: Pick<Signals, 'listen'>, now: () => number): Gateways {
  const startedAt = now()
  const reports = new Map<string, Report>()
  const unlisten = signals.listen('gateway', ({ gatewayId, routesVersion, inFlight }) => {
    reports.set(gatewayId, { at: now(), routesVersion, inFlight })
  })
  function forgetSilent(): void {
    for (const [id, { at }] of reports) if (now() - at > silenceMs) reports.delete(id)
  }
  return {
    haveRoutes(version) {
      forgetSilent()
      return [...reports.values()].every(({ routesVersion }) => routesVersion >= version)
    },
    haveLeft(deploymentId, routesVersion) {
      forgetSilent()
      // Nobody speaks: Redis may be away while gateways serve. The write time-out ends the wait.
      if (reports.size === 0 || now() - startedAt < listenMs) return false
      return [...reports.values()].every(
        (report) => report.routesVersion >= routesVersion && (report.inFlight[deploymentId] ?? 0) === 0
      )
    },
    close: unlisten
  }
}
