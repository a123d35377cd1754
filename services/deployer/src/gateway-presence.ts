import type { Services } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import type { Logger } from '@slipway/service'

export interface GatewayPresenceDeps {
  services: Pick<Services, 'tell' | 'leave'>
  signals: Pick<Signals, 'listen'>
  isLeader(): boolean
  now: () => number
  logger: Logger
}

/** Keeps which gateways are there: they write nothing into the store themselves. Returns how to stop. */
export function keepGatewayPresence({ services, signals, isLeader, now, logger }: GatewayPresenceDeps): () => void {
  const keep = (work: Promise<void>) => {
    work.catch((err: unknown) => logger.debug({ err }, 'a gateway is there, which could not be kept'))
  }
  const unlisten = [
    signals.listen('serving', ({ gatewayId, host, version, startedAt }) => {
      if (!isLeader()) return
      keep(services.tell({ id: gatewayId, kind: 'gateway', host, version, startedAt, seenAt: now(), facts: {} }))
    }),
    signals.listen('left', ({ gatewayId }) => {
      if (isLeader()) keep(services.leave(gatewayId))
    })
  ]
  return () => {
    for (const stop of unlisten) stop()
  }
}
