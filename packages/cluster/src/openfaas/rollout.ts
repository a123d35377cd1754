import { type Deployment, type Endpoint, Failure, pinnedReference } from '@slipway/domain'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import { pause } from '../pause.ts'
import { eagerMs, minimumProbeMs, pathOrigin, readyLimitMs } from '../readiness.ts'
import type { FunctionStatus, OpenFaasClient, Told } from './client.ts'
import type { FunctionName, OpenFaasGateway } from './gateway.ts'
import { lastLines } from './logs.ts'
import type { Places } from './places.ts'
import { failureToldOf, isThereAlready, refusalOf, refusedLabel } from './refusals.ts'
import { assertPlaceable, functionName, type RequestPolicy, requestOf, untoldLabels } from './request.ts'
import type { SecretFiles } from './secrets.ts'

export interface RolloutDeps {
  client: OpenFaasClient
  gateway: OpenFaasGateway
  places: Places
  secrets: SecretFiles
  policy: RequestPolicy
  readyTimeoutMs: number
  logger: ClusterLogger
  monotonicNow: () => number
}

const eagerPeriodMs = 100
const periodMs = 1000
/** For a gateway to take another number of replicas. */
const takenMs = 5000
/** For the sake of who reads what it answered. */
const lastProbeMs = 5000

export function createRollout(deps: RolloutDeps) {
  const { client, gateway, places, secrets, policy, readyTimeoutMs, logger, monotonicNow } = deps

  /** Asks for it; what the gateway's edition does not know of scaling is left out, for Slipway scales. */
  async function deploy(
    deployment: Deployment,
    count: number,
    where: FunctionName,
    isUpdate: boolean,
    signal: AbortSignal
  ): Promise<void> {
    const files = await secrets.put(deployment, where.namespace, signal)
    const wanted = requestOf(deployment, count, { namespace: where.namespace, secrets: files.names }, policy)
    Object.assign(wanted.annotations, files.annotations)
    for (;;) {
      const told = await gateway.deploy(wanted, isUpdate, signal)
      if (told.status >= 200 && told.status < 300) return
      const refused = refusedLabel(told)
      if (refused === null || wanted.labels[refused] === undefined) return failDeploy(deployment, told)
      logger.warn(
        { deploymentId: deployment.id, clusterName: deployment.clusterName, label: refused },
        'this edition of OpenFaaS refuses a label: it is left out'
      )
      delete wanted.labels[refused]
    }
  }

  function failDeploy({ clusterName }: Deployment, told: Told): void {
    // Somebody was faster: another process of ours.
    if (!isThereAlready(told)) throw refusalOf(`deploy ${clusterName}`, told)
  }

  /** @returns whether it was there before */
  async function ensure(
    deployment: Deployment,
    count: number,
    where: FunctionName,
    signal: AbortSignal
  ): Promise<boolean> {
    const found = await gateway.find(where, signal)
    if (found === null) {
      const untold = untoldLabels(deployment)
      if (untold.length > 0) {
        const about = { deploymentId: deployment.id, clusterName: deployment.clusterName, labels: untold }
        logger.warn(about, 'labels that OpenFaaS is not told: Slipway scales by them itself')
      }
      await deploy(deployment, count, where, false, signal)
      return false
    }
    if (found.labels?.[labels.installation] !== policy.installation) {
      throw new Failure(
        'conflict',
        `the OpenFaaS gateway has a function ${where.name} that is not of this installation: remove it there`
      )
    }
    if (found.image !== pinnedReference(deployment.image)) await deploy(deployment, count, where, true, signal)
    return true
  }

  /** One answer of its readiness path, through the gateway: gateways have their own ideas of when a function is ready. */
  async function probe(
    { spec: { readiness } }: Deployment,
    where: FunctionName,
    leastMs: number,
    signal: AbortSignal
  ): Promise<number | null> {
    return client.probe(`${places.pathOf(where)}${readiness.path}`, Math.max(readiness.timeoutMs, leastMs), signal)
  }

  /** A gateway of Slipway's lets nobody ask `/_/…`: it has done so itself before it counts a replica as available. */
  async function isOfOurs(path: string, signal: AbortSignal): Promise<boolean> {
    return path.startsWith('/_/') && (await gateway.info(signal)).provider?.provider === 'slipway'
  }

  async function overTime(
    deployment: Deployment,
    where: FunctionName,
    { limitMs, status }: { limitMs: number; status: FunctionStatus | null },
    signal: AbortSignal
  ): Promise<never> {
    const { readiness } = deployment.spec
    const answer = await probe(deployment, where, lastProbeMs, signal)
    const answered = answer === null ? 'gave no answer' : `answered ${answer}`
    const replicas = `${status?.availableReplicas ?? 0} of ${status?.replicas ?? 0} replicas are available`
    const lines = await lastLines(client, where, signal)
    const printed =
      lines.length === 0 ? '; it printed nothing that OpenFaaS tells' : `\nits last log lines:\n${lines.join('\n')}`
    throw new Failure(
      'not-ready',
      `${deployment.clusterName} did not become ready within ${Math.round(limitMs / 100) / 10} s: ${replicas}, GET ${readiness.path} through the OpenFaaS gateway ${answered} (${pathOrigin(readiness)}). OpenFaaS does not tell why: whether the cluster can pull the image, or the function ended, stands in its events${printed}`
    )
  }

  /** Asks for another number, and finds out whether it was taken: some gateways take less without a word. */
  async function scale(
    deployment: Deployment,
    former: number,
    count: number,
    where: FunctionName,
    signal: AbortSignal
  ): Promise<FunctionStatus | null> {
    await gateway.scale(where, count, signal)
    const endsAt = monotonicNow() + takenMs
    for (;;) {
      const status = await gateway.find(where, signal)
      if (status === null || status.replicas === count) return status
      if (monotonicNow() > endsAt) {
        await gateway.scale(where, former, signal)
        throw new Failure(
          'limit-exceeded',
          `OpenFaaS was asked for ${count} replicas of ${deployment.clusterName}, and has set ${status.replicas ?? 0}: its edition allows no more (the Community Edition 5)`
        )
      }
      await pause(eagerPeriodMs, signal)
    }
  }

  return async function rollOut(deployment: Deployment, count: number, signal: AbortSignal): Promise<Endpoint[]> {
    const { readiness } = deployment.spec
    assertPlaceable(deployment.spec.constraints)
    const where = { name: functionName(deployment), namespace: await places.ensure(deployment.ownerSlug, signal) }
    let wasSeen = await ensure(deployment, count, where, signal)
    const limitMs = readyLimitMs(readiness, readyTimeoutMs)
    const startedAt = monotonicNow()
    let answers = 0
    for (;;) {
      let status = await gateway.find(where, signal)
      if (status === null && wasSeen) throw new Failure('cancelled', 'the deployment was removed while it started')
      wasSeen ||= status !== null
      if (status !== null && status.replicas !== count) {
        status = await scale(deployment, status.replicas ?? 1, count, where, signal)
      }
      const failure = status === null ? null : failureToldOf(deployment.clusterName, status)
      if (failure !== null) throw failure
      if (isUp(deployment, count, status)) {
        const answer = await probe(deployment, where, minimumProbeMs, signal)
        answers = answer !== null && answer >= 200 && answer < 300 ? answers + 1 : 0
        if (answer === 404 && (await isOfOurs(readiness.path, signal))) answers = readiness.successThreshold
        if (answers >= readiness.successThreshold) return Array.from({ length: count }, () => places.endpointOf(where))
      }
      const waitedMs = monotonicNow() - startedAt
      if (waitedMs > limitMs) return overTime(deployment, where, { limitMs, status }, signal)
      await pause(Math.min(waitedMs < eagerMs ? eagerPeriodMs : periodMs, limitMs - waitedMs + 1), signal)
    }
  }
}

function isUp(deployment: Deployment, count: number, status: FunctionStatus | null): boolean {
  return (
    status !== null &&
    status.image === pinnedReference(deployment.image) &&
    status.replicas === count &&
    status.availableReplicas === count
  )
}
