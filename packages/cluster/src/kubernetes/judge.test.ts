import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { V1ContainerStatus, V1Deployment, V1Pod, V1PodCondition } from '@kubernetes/client-node'
import { deploymentOf } from '@slipway/testing'
import { judge, unschedulable, wasReady } from './judge.ts'

const deployment = deploymentOf({ spec: { constraints: ['disk=ssd'] } })

function objectOf(change: { generation?: number; observed?: number; updated?: number } = {}): V1Deployment {
  const { generation = 1, observed = 1, updated = 1 } = change
  return { metadata: { generation }, status: { observedGeneration: observed, updatedReplicas: updated } }
}

function podOf(
  change: { status?: Partial<V1ContainerStatus>; conditions?: V1PodCondition[]; isEnding?: boolean } = {}
): V1Pod {
  const { status = {}, conditions = [{ type: 'Ready', status: 'True' }], isEnding = false } = change
  return {
    metadata: { name: 'hello-1', ...(isEnding ? { deletionTimestamp: new Date() } : {}) },
    status: {
      podIP: '10.0.0.7',
      conditions,
      containerStatuses: [
        { name: 'function', image: '', imageID: '', ready: true, restartCount: 0, state: { running: {} }, ...status }
      ]
    }
  }
}

const notReady: V1PodCondition[] = [{ type: 'Ready', status: 'False' }]
const ended = (exitCode: number, reason: string): Partial<V1ContainerStatus> => ({
  ready: false,
  state: { terminated: { exitCode, reason } }
})
const waiting = (reason: string, message: string): Partial<V1ContainerStatus> => ({
  ready: false,
  state: { waiting: { reason, message } }
})

function failureOf(pod: V1Pod) {
  const verdict = judge(deployment, 1, objectOf(), [pod])
  assert.ok(verdict.kind === 'failed', JSON.stringify(verdict))
  return verdict
}

test('as many ready pods as wanted, of the generation that was asked for, are ready', () => {
  assert.deepEqual(judge(deployment, 1, objectOf(), [podOf()]), {
    kind: 'ready',
    endpoints: [{ host: '10.0.0.7', port: 8080 }]
  })
})

test('a generation that the controller has not seen is waited for, whatever the pods say', () => {
  assert.equal(judge(deployment, 1, objectOf({ generation: 2 }), [podOf()]).kind, 'waiting')
  assert.equal(judge(deployment, 1, null, [podOf()]).kind, 'waiting')
})

/** Whose condition changed so long after its container started. */
function unreadyPod(afterMs: number): V1Pod {
  const startedAt = new Date(10_000)
  const lastTransitionTime = new Date(startedAt.getTime() + afterMs)
  const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime }]
  return podOf({ status: { ready: false, restartCount: 1, state: { running: { startedAt } } }, conditions })
}

test('a pod that was ready and is busy counts, and one that never was, or answers anything else, does not', () => {
  const busy = new Set(['hello-1'])
  const verdictOf = (pod: V1Pod, names: ReadonlySet<string>) => judge(deployment, 1, objectOf(), [pod], names).kind
  assert.equal(verdictOf(unreadyPod(2000), busy), 'ready')
  assert.equal(verdictOf(unreadyPod(2000), new Set()), 'waiting')
  assert.equal(verdictOf(unreadyPod(0), busy), 'waiting')
  assert.equal(verdictOf(unreadyPod(-2000), busy), 'waiting')
  const watched = JSON.parse(JSON.stringify(unreadyPod(2000))) as V1Pod
  assert.equal(verdictOf(watched, busy), 'ready')
  assert.deepEqual([wasReady(unreadyPod(2000)), wasReady(unreadyPod(-1)), wasReady(podOf())], [true, false, false])
})

test('a busy pod whose container ended once, and ran again until it was ready, has not failed', () => {
  const pod = unreadyPod(2000)
  for (const status of pod.status?.containerStatuses ?? []) {
    status.lastState = { terminated: { exitCode: 1, reason: 'Error' } }
  }
  assert.equal(judge(deployment, 1, objectOf(), [pod], new Set(['hello-1'])).kind, 'ready')
  assert.equal(judge(deployment, 1, objectOf(), [unreadyPod(2000)]).kind, 'waiting')
})

test('a pod that ends does not count, one too many is waited for', () => {
  assert.equal(judge(deployment, 1, objectOf(), [podOf({ isEnding: true })]).kind, 'waiting')
  assert.equal(judge(deployment, 1, objectOf(), [podOf(), podOf()]).kind, 'waiting')
  assert.equal(judge(deployment, 1, objectOf(), [podOf(), podOf({ isEnding: true })]).kind, 'ready')
})

test('a process that ended before it was ready is refused with its code, and its pod named for its last lines', () => {
  const verdict = failureOf(podOf({ status: ended(3, 'Error'), conditions: notReady }))
  assert.match(verdict.failure.message, /exited with code 3 before it was ready/)
  assert.deepEqual([verdict.failure.code, verdict.pod], ['not-ready', 'hello-1'])
})

test('one that is started again and again is refused by how it last ended', () => {
  const status = {
    ...waiting('CrashLoopBackOff', 'back-off'),
    lastState: { terminated: { exitCode: 7, reason: 'Error' } }
  }
  assert.match(failureOf(podOf({ status, conditions: notReady })).failure.message, /code 7/)
})

test('one that was killed for its memory is told its limit', () => {
  const verdict = failureOf(podOf({ status: ended(137, 'OOMKilled'), conditions: notReady }))
  assert.match(verdict.failure.message, /memory limit of 128 MiB: raise limits\.memory/)
})

test('one that was started again once and is ready now is ready', () => {
  const status = { lastState: { terminated: { exitCode: 1, reason: 'Error' } } }
  assert.equal(judge(deployment, 1, objectOf(), [podOf({ status })]).kind, 'ready')
})

test('an image that its registry does not have is told apart from a registry that does not answer', () => {
  const missing = failureOf(podOf({ status: waiting('ErrImagePull', 'manifest unknown'), conditions: notReady }))
  assert.equal(missing.failure.code, 'image-missing')
  const away = podOf({ status: waiting('ImagePullBackOff', 'dial tcp: connection refused'), conditions: notReady })
  const verdict = judge(deployment, 1, objectOf(), [away])
  assert.deepEqual(verdict, { kind: 'waiting', why: 'ImagePullBackOff: dial tcp: connection refused' })
})

test('a container that cannot be made is refused with what the kubelet says', () => {
  const verdict = failureOf(
    podOf({ status: waiting('CreateContainerConfigError', 'secret "x" not found'), conditions: notReady })
  )
  assert.match(verdict.failure.message, /CreateContainerConfigError, secret "x" not found/)
})

test('a pod that no node takes is told by its constraints, or by what there is not enough of', () => {
  const homeless = (message: string) =>
    podOf({ conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }] })
  const unfit = unschedulable(deployment, null, [
    homeless("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity")
  ])
  assert.equal(unfit?.code, 'unsupported')
  assert.match(unfit.message, /"disk=ssd"/)
  assert.equal(
    unschedulable(deployment, null, [homeless('0/1 nodes are available: 1 Insufficient memory.')])?.code,
    'limit-exceeded'
  )
  assert.equal(unschedulable(deployment, null, [podOf()]), null)
})

test('pods that may not be made are told with the reason: the quota, or what the cluster says', () => {
  const refusedFor = (message: string) =>
    unschedulable(deployment, { status: { conditions: [{ type: 'ReplicaFailure', status: 'True', message }] } }, [])
  assert.equal(refusedFor('pods "hello-1" is forbidden: exceeded quota: slipway')?.code, 'limit-exceeded')
  assert.match(refusedFor('violates PodSecurity "restricted:latest"')?.message ?? '', /makes no pod .*PodSecurity/)
})

test('a pull that was refused is waited for: the kubelet may not have seen the secret yet', () => {
  const said = 'pull access denied, repository does not exist or may require authorization: no basic auth credentials'
  const pod = podOf({ status: waiting('ErrImagePull', said), conditions: notReady })
  const verdict = judge(deployment, 1, objectOf(), [pod])
  assert.ok(verdict.kind === 'waiting')
  assert.match(verdict.why, /^ErrImagePull: pull access denied/)
})

test('what a container printed before it ended is told, also where the next one runs already and has printed nothing', () => {
  const lastState = { terminated: { exitCode: 1, reason: 'Error', message: 'Error: no database\n' } }
  const again = failureOf(podOf({ conditions: notReady, status: { ready: false, state: { running: {} }, lastState } }))
  assert.equal(again.printed, 'Error: no database')
  assert.match(again.failure.message, /exited with code 1 before it was ready/)
  const silent = failureOf(podOf({ conditions: notReady, status: ended(1, 'Error') }))
  assert.equal(silent.printed, null)
})

const beside = (name: string, change: Partial<V1ContainerStatus>): V1ContainerStatus => ({
  name,
  image: '',
  imageID: '',
  ready: true,
  restartCount: 0,
  ...change
})

test('a pod that was evicted neither counts nor stands in the way of the one that took its place', () => {
  const evicted = podOf({ status: ended(137, 'Error'), conditions: notReady })
  Object.assign(evicted.status ?? {}, {
    phase: 'Failed',
    reason: 'Evicted',
    message: 'The node was low on resource: memory.'
  })
  assert.equal(judge(deployment, 1, objectOf(), [evicted, podOf()]).kind, 'ready')
  assert.deepEqual(judge(deployment, 1, objectOf(), [evicted]), {
    kind: 'waiting',
    why: 'the cluster ended it: The node was low on resource: memory.'
  })
})

test('what was put beside a function is not taken for it, in whatever order the pod names them', () => {
  const now = new Date(20_000)
  const busy = unreadyPod(2000)
  const proxy = beside('a-proxy', { state: { running: { startedAt: now } } })
  busy.status?.containerStatuses?.unshift(proxy)
  assert.equal(wasReady(busy), true)
  const crashing = podOf({ conditions: notReady, status: { ready: false } })
  crashing.status?.containerStatuses?.unshift(beside('a-proxy', ended(2, 'Error')))
  assert.deepEqual(judge(deployment, 1, objectOf(), [crashing]), {
    kind: 'waiting',
    why: 'a-proxy, which is put beside the function, exited with code 2'
  })
})

test('one that has to begin before the function and cannot is told by its name', () => {
  const pod = podOf({ conditions: notReady, status: waiting('PodInitializing', '') })
  const init = beside('linkerd-init', {
    ready: false,
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
    lastState: { terminated: { exitCode: 95, reason: 'Error', message: 'iptables: not permitted' } }
  })
  Object.assign(pod.status ?? {}, { initContainerStatuses: [init] })
  const verdict = judge(deployment, 1, objectOf(), [pod])
  assert.ok(verdict.kind === 'waiting')
  assert.match(verdict.why, /^linkerd-init, .* exited with code 95: iptables: not permitted$/)
})
