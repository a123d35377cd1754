import { hostname } from 'node:os'
import type { Signals } from '@slipway/queue/signals'
import { releaseOf } from '@slipway/service/presence'

const everyMs = 10_000

/** Says now and then that this gateway is there: whoever may write into the store keeps it for people to see. */
export function announce(gatewayId: string, signals: Pick<Signals, 'send'>, now: () => number): { close(): void } {
  const about = { gatewayId, host: hostname(), version: releaseOf(), startedAt: now() }
  const tell = () => signals.send('serving', about)
  tell()
  const timer = setInterval(tell, everyMs)
  return {
    close() {
      clearInterval(timer)
      signals.send('left', { gatewayId })
    }
  }
}
