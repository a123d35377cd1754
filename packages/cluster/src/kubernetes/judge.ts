import type { V1ContainerStatus, V1Deployment, V1Pod } from '@kubernetes/client-node'
import { type Deployment, type Endpoint, Failure, functionPort } from '@slipway/domain'
import { containerName } from './objects.ts'

/** What is known of a roll-out at a moment. */
export type Verdict =
  | { kind: 'waiting'; why: string }
  | { kind: 'ready'; endpoints: Endpoint[] }
  /**
   * `pod`: whose last lines tell more; null where there are none. `printed`: what it printed last, where the kubelet has noted that: the
   * log itself may be of the next container already.
   */
  | { kind: 'failed'; failure: Failure; pod: string | null; printed: string | null }

/** Reasons of a waiting container that no time mends; of images, the registry's answer tells. */
const hopeless = new Set([
  'CreateContainerConfigError',
  'InvalidImageName',
  'CreateContainerError',
  'RunContainerError'
])

/**
 * Is a deployment at `count` replicas that are ready, on its way, or certain not to become it? By what its own object and its
 * pods say: that the controller has seen this generation, that as many pods as wanted answer on the readiness path, and that no
 * other is left. One that was ready and is busy now counts as ready.
 *
 * @param busy names of the pods that answered so last
 */
export function judge(
  deployment: Deployment,
  count: number,
  object: V1Deployment | null,
  pods: V1Pod[],
  busy: ReadonlySet<string> = new Set()
): Verdict {
  const there = pods.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
  const alive = there.filter((pod) => !isOver(pod))
  for (const pod of alive) {
    const failed = failureOf(deployment, pod)
    if (failed !== null) return failed
  }
  const { metadata, status } = object ?? {}
  if (object === null || (status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) {
    return { kind: 'waiting', why: 'the cluster has not taken it up yet' }
  }
  const ready = alive.filter((pod) => isReady(pod) || (wasReady(pod) && busy.has(pod.metadata?.name ?? '')))
  if (ready.length === count && alive.length === count && (status?.updatedReplicas ?? 0) === count) {
    return { kind: 'ready', endpoints: ready.map(endpointOf) }
  }
  return {
    kind: 'waiting',
    why: [...alive, ...there.filter(isOver)].map(whyWaiting).find((why) => why !== null) ?? 'no replica is there yet'
  }
}

/** Evicted, or its node went down: it stays to be read of until the cluster collects it, and another has taken its place. */
export function isOver({ status }: V1Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded'
}

/** Of the function itself: what injects puts its own beside it. */
function functionStatus({ status }: V1Pod): V1ContainerStatus | undefined {
  return status?.containerStatuses?.find(({ name }) => name === containerName)
}

export function isReady({ status }: V1Pod): boolean {
  return status?.podIP !== undefined && conditionOf(status.conditions, 'Ready')?.status === 'True'
}

/**
 * Was it ready in the life that its container has now? The kubelet takes any answer but 2xx and 3xx for "not ready", so also that of a
 * function that has all the calls that it takes. Before a container runs its pod is not ready: what changed later was its being ready.
 */
export function wasReady(pod: V1Pod): boolean {
  const { status } = pod
  const since = timeOf(conditionOf(status?.conditions, 'Ready')?.lastTransitionTime)
  const startedAt = timeOf(functionStatus(pod)?.state?.running?.startedAt)
  return status?.podIP !== undefined && since !== null && startedAt !== null && since > startedAt
}

/** What is listed has dates, what is watched comes as it is sent: with texts. */
export function timeOf(date: Date | null | undefined): number | null {
  return date == null ? null : new Date(date).getTime()
}

export function endpointOf({ status }: V1Pod): Endpoint {
  return { host: status?.podIP ?? '', port: functionPort }
}

function conditionOf<T extends { type: string }>(conditions: T[] | undefined, type: string): T | undefined {
  return conditions?.find((condition) => condition.type === type)
}

function failureOf(deployment: Deployment, pod: V1Pod): Verdict | null {
  const status = functionStatus(pod)
  if (status === undefined) return null
  const { waiting } = status.state ?? {}
  const ended = status.state?.terminated ?? status.lastState?.terminated
  if (ended !== undefined && !wasReadyBefore(status) && !wasReady(pod)) {
    const said = describeExit(ended.exitCode, ended.reason ?? '', ended.message, deployment)
    const failure = new Failure('not-ready', said)
    const isRun = ended.reason !== 'ContainerCannotRun' && ended.reason !== 'StartError'
    const printed = isRun ? ended.message?.trim() || null : null
    return { kind: 'failed', failure, pod: isRun ? (pod.metadata?.name ?? '') : null, printed }
  }
  const failed = (failure: Failure): Verdict => ({ kind: 'failed', failure, pod: null, printed: null })
  const { reason = '', message = '' } = waiting ?? {}
  if (/^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull)$/.test(reason) && isMissing(message)) {
    const said = `its registry does not have the image of ${deployment.clusterName}: ${message}`
    return failed(new Failure('image-missing', said))
  }
  if (!hopeless.has(reason)) return null
  return failed(new Failure('not-ready', `${deployment.clusterName} cannot start: ${reason}, ${message}`))
}

/** One that runs and was started again is the function's life, not this roll-out's. */
function wasReadyBefore({ ready, state }: V1ContainerStatus): boolean {
  return ready && state?.running !== undefined
}

/** Refused is another thing: a kubelet that has not seen the namespace's new pull secret yet asks without, and again soon after. */
function isMissing(said: string): boolean {
  if (/authoriz|unauthenticated|credentials|denied/i.test(said)) return false
  return /not found|manifest unknown|no such (image|manifest)|does not exist/i.test(said)
}

function describeExit(
  code: number,
  reason: string,
  message: string | undefined,
  { clusterName, spec }: Deployment
): string {
  const limit = `${Math.round(spec.limits.memoryBytes / 1024 / 1024)} MiB`
  const did = `${clusterName} did not become ready:`
  if (reason === 'OOMKilled') {
    return `${did} it was killed for using more than its memory limit of ${limit}: raise limits.memory`
  }
  if (reason === 'StartError' || reason === 'ContainerCannotRun') return `${did} it cannot start: ${message ?? reason}`
  if (code === 137) return `${did} it was killed (exit code 137), most likely for its memory limit of ${limit}`
  return `${did} it exited with code ${code} before it was ready`
}

/** null: it is ready. */
function whyWaiting(pod: V1Pod): string | null {
  if (isReady(pod)) return null
  const scheduled = conditionOf(pod.status?.conditions, 'PodScheduled')
  if (scheduled?.status === 'False') return `no node takes it: ${scheduled.message ?? scheduled.reason ?? ''}`
  if (isOver(pod)) return `the cluster ended it: ${pod.status?.message ?? pod.status?.reason ?? 'it does not say why'}`
  const own = functionStatus(pod)
  const [trouble] = others(pod).flatMap((status) => troubleOf(status) ?? [])
  if (trouble !== undefined) return trouble
  const { waiting } = own?.state ?? {}
  if (waiting !== undefined) return sayingOf(waiting.reason ?? 'waiting', waiting.message)
  return 'it runs, but is not ready'
}

/** What something else put into the pod: what begins before the function, and what runs beside it. */
function others({ status }: V1Pod): V1ContainerStatus[] {
  const beside = status?.containerStatuses?.filter(({ name }) => name !== containerName) ?? []
  return [...(status?.initContainerStatuses ?? []), ...beside]
}

function troubleOf({ name, state, lastState, ready }: V1ContainerStatus): string | null {
  const ended = state?.terminated ?? lastState?.terminated
  if (ready || ended === undefined || ended.exitCode === 0) return null
  const code = `exited with code ${ended.exitCode}`
  return `${name}, which is put beside the function, ${sayingOf(code, ended.message ?? state?.waiting?.message)}`
}

function sayingOf(reason: string, message: string | undefined): string {
  return message === undefined ? reason : `${reason}: ${message}`
}

/** Why no node takes it, or why it may not even have a pod, where that is so: after a while it is a failure of its own. */
export function unschedulable(deployment: Deployment, object: V1Deployment | null, pods: V1Pod[]): Failure | null {
  const refused = conditionOf(object?.status?.conditions, 'ReplicaFailure')
  if (refused?.status === 'True') {
    const said = refused.message ?? refused.reason ?? ''
    return /exceeded quota/.test(said)
      ? new Failure('limit-exceeded', `the owner's quota has no room for ${deployment.clusterName}: ${said}`)
      : new Failure('not-ready', `the cluster makes no pod for ${deployment.clusterName}: ${said}`)
  }
  for (const { status } of pods) {
    const scheduled = conditionOf(status?.conditions, 'PodScheduled')
    if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') continue
    const said = scheduled.message ?? ''
    if (/Insufficient|Too many pods/.test(said)) {
      return new Failure('limit-exceeded', `the cluster has no room for ${deployment.clusterName}: ${said}`)
    }
    const constraints = deployment.spec.constraints.map((constraint) => JSON.stringify(constraint)).join(', ')
    return new Failure(
      'unsupported',
      `no node of the cluster takes ${deployment.clusterName}, whose constraints are ${constraints || 'none'}: ${said}`
    )
  }
  return null
}
