import { type Cluster, type ClusterObject, type Deployment, type Endpoint, Failure } from '@slipway/domain'
import { createInFlight } from '../in-flight.ts'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import { pause } from '../pause.ts'
import { runChecks } from './check.ts'
import { createClient, type FunctionStatus, type OpenFaasCredential } from './client.ts'
import { createGateway, type FunctionName } from './gateway.ts'
import { functionLogs } from './logs.ts'
import { createPlaces } from './places.ts'
import { createRollout } from './rollout.ts'
import { createSecretFiles } from './secrets.ts'

export type { OpenFaasCredential } from './client.ts'

export interface OpenFaasClusterOptions {
  installation: string
  /** Of the gateway, as deployer and Slipway's own gateway reach it; a path in front of its own is kept. */
  address: URL
  credential: OpenFaasCredential
  /** `one`: all functions in one namespace, and no secrets; `owner`: each owner has a namespace, where the gateway has them. */
  namespaces: 'one' | 'owner'
  /** The one; null: the gateway's default. */
  namespace: string | null
  /** A secret of the gateway's with what the cluster pulls images by; null: none. */
  pullSecret: string | null
  /** The files of a deployment's secrets, by name. */
  filesOf(deployment: Deployment): Promise<ReadonlyMap<string, Uint8Array>>
  /** How long a deployment may take to become ready, at least; its own thresholds may allow more. */
  readyTimeoutMs?: number
  logger: ClusterLogger
  monotonicNow?: () => number
}

type Found = FunctionName & { status: FunctionStatus }

/** A function that is removed is told until its last replica has ended. */
const goneMs = 60_000
const lookMs = 100

/**
 * Functions on somebody's OpenFaaS, by its gateway's REST API: for each deployment of Slipway a function of its own, so that two
 * versions run side by side. Without a call its function is not there at all: a gateway of the Community Edition has none with no replica.
 */
export function createOpenFaasCluster(options: OpenFaasClusterOptions): Cluster {
  const { installation, logger, readyTimeoutMs = 60_000 } = options
  const monotonicNow = options.monotonicNow ?? (() => performance.now())
  const client = createClient(options)
  const gateway = createGateway(client)
  const places = createPlaces(options, gateway)
  const isByOwner = options.namespaces === 'owner'
  const secrets = createSecretFiles({ gateway, installation, isByOwner, filesOf: options.filesOf })
  const policy = { installation, pullSecret: options.pullSecret }
  const rollOut = createRollout({ client, gateway, places, secrets, policy, readyTimeoutMs, logger, monotonicNow })
  const inFlight = createInFlight({ logger, now: monotonicNow })

  async function bring(deployment: Deployment, count: number, signal: AbortSignal): Promise<Endpoint[]> {
    const work = async (both: AbortSignal) => {
      if (count > 0) return rollOut(deployment, count, both)
      await takeAway(deployment.id, both)
      return []
    }
    const orTakeAway = (both: AbortSignal) =>
      work(both).catch(async (err: unknown) => {
        const isToBeGone = deployment.status === 'starting' && !signal.aborted
        if (err instanceof Failure && !err.retry && isToBeGone) await takeAway(deployment.id, signal)
        throw err
      })
    return inFlight.alone(deployment, count, orTakeAway, signal)
  }

  async function ours(signal: AbortSignal): Promise<Found[]> {
    const lists = await Promise.all(
      (await places.all(signal)).map(async (namespace) =>
        (await gateway.list(namespace, signal)).map((status) => ({ name: status.name, namespace, status }))
      )
    )
    return lists.flat().filter(({ status }) => status.labels?.[labels.installation] === installation)
  }

  async function find(deploymentId: string, signal: AbortSignal): Promise<Found | null> {
    const found = (await ours(signal)).find(({ status }) => status.labels?.[labels.deployment] === deploymentId)
    return found ?? null
  }

  /** Until it is gone: its name is free then, and so is its room. */
  async function takeAway(deploymentId: string, signal: AbortSignal): Promise<void> {
    const found = await find(deploymentId, signal)
    if (found === null) return
    await gateway.remove(found, signal)
    // At once: whoever comes after a time-out may not find it any more, and would not know what it had.
    await secrets.release(found.status, found.namespace, signal)
    for (const endsAt = monotonicNow() + goneMs; (await gateway.find(found, signal)) !== null; ) {
      if (monotonicNow() > endsAt) {
        throw new Failure('unavailable', `OpenFaaS has not taken the function ${found.name} away in ${goneMs / 1000} s`)
      }
      await pause(lookMs, signal)
    }
  }

  return {
    kind: 'openfaas',
    capabilities: { switch: 'atomic', watch: 'poll' },
    apply: (deployment, signal) => bring(deployment, deployment.replicas, signal),
    scale: (deployment, count, signal) => bring(deployment, count, signal),
    // How long replicas may finish is the gateway's business: its API has no word for it.
    async remove(deploymentId, _graceMs, signal) {
      await inFlight.giveUp(deploymentId)
      await takeAway(deploymentId, signal)
    },
    list: async (signal) =>
      (await ours(signal)).map(({ status, ...which }) => objectOf(status, places.endpointOf(which))),
    async *logs(deploymentId, logOptions, signal) {
      try {
        const found = await find(deploymentId, signal)
        if (found !== null) yield* functionLogs({ client, gateway }, found, logOptions, signal)
      } catch (err) {
        if (!signal.aborted) throw err
      }
    },
    check: (signal) => runChecks({ gateway, places, isByOwner }, signal),
    close: () => inFlight.close()
  }
}

function objectOf(status: FunctionStatus, endpoint: Endpoint): ClusterObject {
  const own = status.labels ?? {}
  const available = status.availableReplicas ?? 0
  const createdAt = Date.parse(status.createdAt ?? '')
  return {
    deploymentId: own[labels.deployment] ?? '',
    clusterName: own[labels.clusterName] ?? '',
    ownerSlug: own[labels.owner] ?? '',
    replicas: status.replicas ?? available,
    availableReplicas: available,
    // Of a second that is told without its parts, the end.
    createdAt: Number.isNaN(createdAt) ? 0 : createdAt + (createdAt % 1000 === 0 ? 999 : 0),
    endpoints: Array.from({ length: available }, () => endpoint)
  }
}
