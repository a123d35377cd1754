import type { Signals } from '@slipway/queue/signals'
import type { RouteTable } from './routes.ts'
import type { Waking } from './waking.ts'

/**
 * Tells what this gateway serves, so that `deployer` knows when nobody calls a former deployment any more,
 * and how much there is to do, so that it knows how many replicas that takes.
 */
export interface Reporter {
  /** At once instead of at the next beat: something changed that somebody waits for. */
  tell(): void
  close(): void
}

const periodMs = 500
/** What was not called for so many beats is left out. One that is lost on the way is made up for by the next. */
const quietBeats = 20

export function createReporter(
  gatewayId: string,
  table: Pick<RouteTable, 'version' | 'inFlight' | 'served'>,
  waiting: Waking['waiting'],
  signals: Pick<Signals, 'send'>
): Reporter {
  let told = new Map<string, { begun: number; quietFor: number }>()

  function lately(): Record<string, number> {
    const next: typeof told = new Map()
    const calls: Record<string, number> = {}
    for (const { deploymentId, begun } of table.served()) {
      if (begun === 0) continue
      const former = told.get(deploymentId)
      const quietFor = former?.begun === begun ? former.quietFor + 1 : 0
      next.set(deploymentId, { begun, quietFor })
      if (quietFor < quietBeats) calls[deploymentId] = begun
    }
    told = next
    return calls
  }

  function tell(): void {
    const routesVersion = table.version()
    // Who serves nothing yet has nothing to say.
    if (routesVersion === null) return
    signals.send('gateway', { gatewayId, routesVersion, inFlight: table.inFlight() })
    signals.send('load', { gatewayId, calls: lately(), waiting: waiting() })
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
