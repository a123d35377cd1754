import { createDrain } from '../drain.ts'
import { createGateways } from '../gateways.ts'
import { createLoads } from '../scaling/load.ts'
import { createScaler } from '../scaling/scaler.ts'
import { createScaling, type Scaling } from '../scaling/scaling.ts'
import type { Ground } from './ground.ts'

/** How many replicas there are, and who of them is called: what gateways tell, and what they are told. */
export function startScaling(ground: Ground): { scaling: Scaling; routesChanged(): void } {
  const { store, signals, cluster, isLeader, now, monotonicNow, logger, keep, lead } = ground
  const gateways = createGateways(signals, monotonicNow)
  keep('gateways', gateways)
  const drain = createDrain({ store, cluster, gateways, isLeader, now, monotonicNow, logger })
  lead('drain', drain)
  const routesChanged = () => {
    signals.send('routes', {})
    drain.wake()
  }

  const scaling = createScaling({ store, cluster, gateways, routesChanged })
  const loads = createLoads({ signals, onWaiting: (ids) => scaler.wakeUp(ids), monotonicNow })
  keep('loads', loads)
  const scaler = createScaler({
    store,
    scaling,
    loads,
    isLeader,
    unstartable: (deploymentId) => signals.send('unstartable', { deploymentId }),
    changed: ({ ownerId, functionName: name }) => signals.send('function', { ownerId, name }),
    periodMs: 2000,
    monotonicNow,
    logger
  })
  keep('scaler', scaler)
  return { scaling, routesChanged }
}
