import type { CoreV1Event, V1Deployment, V1Pod } from '@kubernetes/client-node'
import { type Deployment, type Endpoint, Failure, functionPort } from '@slipway/domain'
import type { ClusterLogger } from '../logger.ts'
import { pathOrigin, readyLimitMs } from '../readiness.ts'
import type { KubernetesApi } from './api.ts'
import type { Apply } from './apply.ts'
import { createGatewayAliases } from './gateway-aliases.ts'
import { ingressOf } from './ingress.ts'
import { isOver, isReady, judge, timeOf, unschedulable, type Verdict, wasReady } from './judge.ts'
import { podLogs } from './logs.ts'
import { deploymentObject, disruptionBudgetOf, secretOf, serviceOf } from './objects.ts'
import { type KubernetesPolicy, namespaceName } from './owned-object.ts'
import type { Owners } from './owners.ts'
import type { Watched } from './watched.ts'

export interface RolloutDeps {
  api: KubernetesApi
  apply: Apply
  owners: Owners
  watched: Watched
  policy: KubernetesPolicy
  /** Has each owner's namespace something to pull with? */
  hasRegistries: boolean
  filesOf(deployment: Deployment): Promise<ReadonlyMap<string, Uint8Array>>
  readyTimeoutMs: number
  /** How long a pod that no node takes may wait for one. */
  scheduleTimeoutMs: number
  logger: ClusterLogger
  monotonicNow: () => number
}

const lookMs = 2000
const keptLines = 20

function told(lines: string[]): string {
  return lines.length === 0 ? '' : `\nits last log lines:\n${lines.slice(-keptLines).join('\n')}`
}

export function createRollout(deps: RolloutDeps) {
  const { api, apply, owners, watched, policy, hasRegistries, filesOf } = deps
  const { readyTimeoutMs, scheduleTimeoutMs, monotonicNow } = deps
  const core = api.config.makeApiClient(api.client.CoreV1Api)
  const gatewayAliases = createGatewayAliases({ api, watched, inner: policy.inner, logger: deps.logger })

  async function ensureObjects(deployment: Deployment, count: number, signal: AbortSignal): Promise<V1Deployment> {
    await owners.ensure(deployment.ownerSlug, signal)
    const files = deployment.secrets.length > 0 ? await filesOf(deployment) : null
    const hostAliases = await gatewayAliases(deployment.id, signal)
    const object = deploymentObject(deployment, count, policy, { hasRegistries, hostAliases })
    const applied = await apply.deployment(object, signal)
    // Parts of it, which the cluster takes away with it: of a version that is refused, or whose removal breaks off, nothing stays.
    if (files !== null) await apply(secretOf(deployment, policy, files, applied), signal)
    if (count > 1) await apply(disruptionBudgetOf(deployment, policy, applied), signal)
    // After it: whoever removes a function's last version asks first whether another is there.
    await apply(serviceOf(deployment, policy), signal)
    if (policy.ingress !== null) await apply(ingressOf(deployment, policy.installation, policy.ingress), signal)
    return applied
  }

  async function lastLines(deployment: Deployment, pod: string, signal: AbortSignal): Promise<string> {
    const texts: string[] = []
    const where = { namespace: namespaceName(deployment.ownerSlug), name: pod }
    const options = { follow: false, since: null, tail: keptLines }
    for await (const { text } of podLogs(api, where, options, signal)) texts.push(text)
    return told(texts)
  }

  /** One of those that are on their way: not what was evicted, or is about to go. */
  function currentPod({ id }: Deployment): V1Pod | undefined {
    return watched.pods(id).find((pod) => pod.metadata?.deletionTimestamp === undefined && !isOver(pod))
  }

  /** What the kubelet last said of the readiness probe: the events tell, the pod does not. */
  async function lastProbe(
    deployment: Deployment,
    { metadata }: V1Pod,
    signal: AbortSignal
  ): Promise<string | undefined> {
    const name = metadata?.name ?? ''
    const events = await api.call('list events', signal, (settings) =>
      core.listNamespacedEvent(
        {
          namespace: namespaceName(deployment.ownerSlug),
          fieldSelector: `involvedObject.name=${name},reason=Unhealthy`
        },
        settings
      )
    )
    const at = ({ lastTimestamp, eventTime }: CoreV1Event) => timeOf(lastTimestamp ?? eventTime) ?? 0
    return events.items.toSorted((a, b) => at(a) - at(b)).at(-1)?.message
  }

  /** Of those that are not ready any more: which have all the calls that they take. They are not dead for that. */
  async function busyPods(deployment: Deployment, pods: V1Pod[], signal: AbortSignal): Promise<Set<string>> {
    const busy = new Set<string>()
    for (const pod of pods) {
      if (isReady(pod) || !wasReady(pod)) continue
      if (/statuscode: 429\b/.test((await lastProbe(deployment, pod, signal)) ?? '')) busy.add(pod.metadata?.name ?? '')
    }
    return busy
  }

  async function probeAnswer(deployment: Deployment, signal: AbortSignal): Promise<string> {
    const { readiness } = deployment.spec
    const pod = currentPod(deployment)
    const asked = `GET ${readiness.path} on port ${functionPort} (${pathOrigin(readiness)})`
    if (pod === undefined) return asked
    const last = await lastProbe(deployment, pod, signal)
    return last === undefined ? `${asked} was not answered` : `${asked}: ${last}`
  }

  async function fail(deployment: Deployment, verdict: Verdict, signal: AbortSignal): Promise<never> {
    if (verdict.kind !== 'failed') throw new TypeError('only what failed is told')
    const { failure, pod, printed } = verdict
    const lines =
      printed !== null ? told(printed.split('\n')) : pod === null ? '' : await lastLines(deployment, pod, signal)
    throw new Failure(failure.code, `${failure.message}${lines}`, { cause: failure })
  }

  async function overTime(deployment: Deployment, limitMs: number, why: string, signal: AbortSignal): Promise<never> {
    const answer = await probeAnswer(deployment, signal)
    const name = currentPod(deployment)?.metadata?.name
    const lines = name === undefined ? '' : await lastLines(deployment, name, signal)
    throw new Failure(
      'not-ready',
      `${deployment.clusterName} did not become ready within ${Math.round(limitMs / 100) / 10} s: ${why}; ${answer}${lines}`
    )
  }

  return async function rollOut(deployment: Deployment, count: number, signal: AbortSignal): Promise<Endpoint[]> {
    await watched.start(signal)
    const applied = await ensureObjects(deployment, count, signal)
    const generation = applied.metadata?.generation ?? 0
    const limitMs = readyLimitMs(deployment.spec.readiness, readyTimeoutMs)
    const startedAt = monotonicNow()
    let wasSeen = false
    for (;;) {
      const object = watched.deployment(deployment.id)
      if (object === null && wasSeen) throw new Failure('cancelled', 'the deployment was removed while it started')
      wasSeen ||= object !== null
      const isCurrent = (object?.metadata?.generation ?? 0) >= generation
      const pods = watched.pods(deployment.id)
      const busy = await busyPods(deployment, pods, signal)
      const verdict = judge(deployment, count, isCurrent ? object : null, pods, busy)
      if (verdict.kind === 'ready') return verdict.endpoints
      if (verdict.kind === 'failed') return fail(deployment, verdict, signal)
      const waitedMs = monotonicNow() - startedAt
      const homeless = waitedMs > scheduleTimeoutMs ? unschedulable(deployment, object, pods) : null
      if (homeless !== null) throw homeless
      if (waitedMs > limitMs) return overTime(deployment, limitMs, verdict.why, signal)
      await watched.changed(deployment.id, Math.min(lookMs, limitMs - waitedMs + 1), signal)
    }
  }
}
