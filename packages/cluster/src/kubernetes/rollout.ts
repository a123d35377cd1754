import type { CoreV1Event, V1Deployment, V1Pod } from '@kubernetes/client-node'
import { type Deployment, type Endpoint, Failure, functionPort } from '@slipway/domain'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import { pathOrigin, readyLimitMs } from '../readiness.ts'
import type { KubernetesApi } from './api.ts'
import { createApply } from './apply.ts'
import { createGatewayAliases } from './gateway-aliases.ts'
import { ingressOf } from './ingress.ts'
import { isReady, judge, timeOf, unschedulable, type Verdict, wasReady } from './judge.ts'
import { podLogs } from './logs.ts'
import { deploymentObject, disruptionBudgetOf, secretOf, serviceOf } from './objects.ts'
import { type KubernetesPolicy, namespaceName } from './owned-object.ts'
import { namespaceOf, ownerObjects } from './owner-objects.ts'
import type { Watched } from './watched.ts'

export interface RolloutDeps {
  api: KubernetesApi
  watched: Watched
  policy: KubernetesPolicy
  /** What pods pull with, as a Docker configuration; null: nothing. */
  registries: string | null
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
  const { api, watched, policy, registries, filesOf, readyTimeoutMs, scheduleTimeoutMs, monotonicNow } = deps
  const core = api.config.makeApiClient(api.client.CoreV1Api)
  const apply = createApply(api)
  const gatewayAliases = createGatewayAliases({ api, watched, inner: policy.inner, logger: deps.logger })

  /** @throws Failure `forbidden` for a namespace of that name that is somebody else's. */
  async function ensureNamespace(ownerSlug: string, signal: AbortSignal): Promise<void> {
    const name = namespaceName(ownerSlug)
    const found = await api
      .call(`read namespace ${name}`, signal, (settings) => core.readNamespace({ name }, settings))
      .catch((err: unknown) => {
        if (err instanceof Failure && err.code === 'not-found') return null
        throw err
      })
    if (found !== null && found.metadata?.labels?.[labels.installation] !== policy.installation) {
      throw new Failure(
        'forbidden',
        `the namespace ${name} is not of this installation: remove it, or give the owner another name`
      )
    }
    if (found?.metadata?.deletionTimestamp !== undefined && found !== null) {
      throw new Failure('unavailable', `the namespace ${name} is being removed: it is tried again`)
    }
    await apply(namespaceOf(ownerSlug, policy), signal)
  }

  async function ensureObjects(deployment: Deployment, count: number, signal: AbortSignal): Promise<V1Deployment> {
    await ensureNamespace(deployment.ownerSlug, signal)
    const shared = ownerObjects(deployment.ownerSlug, policy, registries)
    await Promise.all(shared.map((object) => apply(object, signal)))
    if (deployment.secrets.length > 0) {
      await apply(secretOf(deployment, policy, await filesOf(deployment)), signal)
    }
    if (count > 1) await apply(disruptionBudgetOf(deployment, policy), signal)
    const hostAliases = await gatewayAliases(deployment.id, signal)
    const object = deploymentObject(deployment, count, policy, { hasRegistries: registries !== null, hostAliases })
    const applied = await apply.deployment(object, signal)
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
    const [pod] = watched.pods(deployment.id)
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
    const name = watched.pods(deployment.id)[0]?.metadata?.name
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
