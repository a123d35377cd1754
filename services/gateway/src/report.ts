import type { Signals } from '@slipway/queue/signals'
import type { RouteTable } from './routes.ts'

/** Tells what this gateway serves, so that `deployer` knows when nobody calls a former deployment any more. */
export interface Reporter {
  /** At once instead of at the next beat: something changed that somebody waits for. */
  tell(): void
  close(): void
}

const periodMs = 500

export function createReporter(gatewayId: string, table: RouteTable, signals: Pick<Signals, 'send'>): Reporter {
  function tell(): void {
    const routesVersion = table.version()
    // Who serves nothing yet has nothing to say.
    if (routesVersion !== null) signals.send('gateway', { gatewayId, routesVersion, inFlight: table.inFlight() })
  }
  const timer = setInterval(tell, periodMs)
  return {
    tell,
    close() {
      clearInterval(timer)
      tell()
    }
  }
}
