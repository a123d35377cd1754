import type { InternalApi } from '@slipway/client'
import {
  authorize,
  type Deployment,
  Failure,
  type FunctionRecord,
  replicasOnAlert,
  type Store,
  scalePolicyOf
} from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import type { Note } from '../handling.ts'
import type { Caller } from '../identify.ts'
import type { FindResource } from '../resource.ts'
import type { Namespaces } from './namespaces.ts'
import type { Alerts, AlertsTaken } from './shapes.ts'

export interface AlertsDeps {
  store: Pick<Store, 'owners' | 'functions' | 'deployments'>
  namespaces: Pick<Namespaces, 'function'>
  findResource: FindResource
  internal: Pick<InternalApi, 'scale'>
  signals: Pick<Signals, 'send'>
  note: Note
}

type TakeAlerts = (alerts: Alerts['alerts'], caller: Caller, signal: AbortSignal) => Promise<AlertsTaken>
type Taken = AlertsTaken['functions'][number]

/**
 * Scales the functions that Alertmanager's alerts name: a step up while one fires, back to the fewest when it is over. What is asked of
 * somebody who scales is asked of who sends an alert, for every function before the first is scaled.
 */
export function createTakeAlerts(deps: AlertsDeps): TakeAlerts {
  const { store, namespaces, findResource, internal, signals, note } = deps

  /** null: there is none that the caller may see. @throws Failure `forbidden` */
  async function findFor(caller: Caller, owner: string, name: string): Promise<FunctionRecord | null> {
    const { resource } = await findResource('function', { owner, name }, caller)
    const verdict = resource === null ? 'hidden' : authorize(caller, caller.grants, 'deploy', resource)
    if (verdict === 'refused') {
      throw new Failure('forbidden', `scaling ${name} of ${owner} takes a right, or a token, that may deploy`)
    }
    const found = verdict === 'allowed' ? await store.owners.findBySlug(owner) : null
    return found === null ? null : store.functions.get(found.id, name)
  }

  async function scale(
    { ownerId, name, clusterName }: FunctionRecord,
    live: Deployment,
    isFiring: boolean,
    caller: Caller,
    signal: AbortSignal
  ): Promise<Omit<Taken, 'name' | 'namespace'>> {
    const { spec, replicas, isScaledByHand } = live
    const { load, alertFactor } = scalePolicyOf(spec.labels)
    if (isScaledByHand) return { replicas, reason: 'somebody chose its replicas' }
    if (load !== null) return { replicas, reason: 'it is scaled by load' }
    const wanted = replicasOnAlert(isFiring, replicas, alertFactor, spec.replicas)
    if (wanted === replicas) return { replicas, reason: null }
    try {
      await internal.scale(live.id, { replicas: wanted, by: 'alert' }, signal)
    } catch (err) {
      // The same alert comes again when it could not be taken: only what may be otherwise then is worth it.
      if (!(err instanceof Failure) || err.retry) throw err
      return { replicas, reason: err.message }
    }
    signals.send('function', { ownerId, name })
    const about = { replicas: wanted, before: replicas, alert: isFiring ? 'firing' : 'resolved' }
    await note(caller, 'scale', ownerId, `function/${clusterName}`, about)
    return { replicas: wanted, reason: null }
  }

  return async (alerts, caller, signal) => {
    // Several alerts may be about one function: it takes one step, and is at rest when none of them fires.
    const wanted = new Map<string, { name: string; owner: string | undefined; isFiring: boolean }>()
    for (const { status, labels } of alerts) {
      if (labels.function_name === undefined || labels.function_name === '') continue
      const { name = '', owner } = await namespaces.function(labels.function_name, caller)
      const key = `${owner ?? ''}/${name}`
      const isFiring = status === 'firing' || wanted.get(key)?.isFiring === true
      wanted.set(key, { name, owner, isFiring })
    }
    const found = []
    for (const one of wanted.values()) {
      const record = one.owner === undefined ? null : await findFor(caller, one.owner, one.name)
      found.push({ ...one, record })
    }
    const functions = await Promise.all(
      found.map(async ({ name, owner = '', isFiring, record }) => {
        const id = record?.liveDeploymentId ?? null
        const live = id === null ? null : await store.deployments.get(id)
        if (record === null || live === null) {
          return { name, namespace: owner, replicas: null, reason: 'no such function is live' }
        }
        return { name, namespace: owner, ...(await scale(record, live, isFiring, caller, signal)) }
      })
    )
    return { functions }
  }
}
