import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { CoreV1Api, type V1Pod } from '@kubernetes/client-node'
import { waitFor } from '@slipway/machine'
import { firstAnswer } from '../bench/answers.ts'
import { comparedSpreads } from '../bench/result.ts'
import { call, saying, stackOf } from '../system/scene.ts'
import { live, openPushGround, type PushGround } from './push-ground.fixture.ts'

const rounds = 5
const timeoutMs = 60_000

let ground: PushGround
let core: CoreV1Api
before(async () => {
  ground = await openPushGround()
  core = ground.config.makeApiClient(CoreV1Api)
})
after(() => ground?.close())

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

function tell(t: TestContext, name: string, samples: number[], bare: number[]): void {
  const { spread, againstSpread, ratio } = comparedSpreads(
    { name, unit: 'ms', comparison: '', wanted: '' },
    samples,
    bare
  )
  const said = (of: typeof spread) => `${of?.median.toFixed(0)} ms (${of?.min.toFixed(0)} to ${of?.max.toFixed(0)})`
  t.diagnostic(`${name}: ${said(spread)}, a bare pod of its image: ${said(againstSpread)}; ratio ${ratio.toFixed(2)}`)
}

/** Made with the same container, beside the function, from the call of the API until it answers first: nobody waits for a probe or is told. */
async function startBare(function_: V1Pod, words: string, signal: AbortSignal): Promise<number> {
  const { metadata, spec } = function_
  const [container] = spec?.containers ?? []
  assert.ok(metadata?.namespace !== undefined && spec !== undefined && container !== undefined)
  const { namespace } = metadata
  const { readinessProbe: _, ...bare } = container
  const { nodeName: _node, ...placed } = spec
  const name = 'bare'
  const tookMs = await timeOf(async () => {
    const body = { metadata: { name }, spec: { ...placed, restartPolicy: 'Never', containers: [bare] } }
    await core.createNamespacedPod({ namespace, body })
    const ip = await waitFor(async () => (await core.readNamespacedPod({ namespace, name })).status?.podIP ?? null, {
      timeoutMs,
      everyMs: 10,
      what: 'the bare pod to have an address'
    })
    await firstAnswer(`http://${ip}:8080/`, words, 5, signal)
  })
  await core.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: 0 })
  return tookMs
}

test('a call wakes a function that sleeps, and a new configuration is live: beside the start of a bare pod', async (t) => {
  const namespace = 'slipway-sleepy'
  const signal = AbortSignal.timeout(360_000)
  const repository = await ground.scene.repository({ owner: 'sleepy' })
  const labels = ['labels:', '  com.openfaas.scale.zero: true', '  com.openfaas.scale.zero-duration: 1s']
  const first = await repository.push({
    'stack.yml': stackOf({ hello: { more: labels } }),
    'hello/handler.js': saying('awake')
  })
  await live(repository, first)
  assert.equal((await call(ground.scene, '/function/sleepy-hello')).body, 'awake')
  const [pod] = await ground.podsOf(namespace)
  assert.ok(pod)
  const isAsleep = async () => (await core.listNamespacedPod({ namespace })).items.length === 0
  const woken: number[] = []
  const bare: number[] = []
  for (let round = 0; round <= rounds; round++) {
    await waitFor(isAsleep, { timeoutMs, what: 'the function to sleep' })
    const ours = await timeOf(async () =>
      assert.equal((await call(ground.scene, '/function/sleepy-hello')).body, 'awake')
    )
    await waitFor(isAsleep, { timeoutMs, what: 'the function to sleep' })
    const theirs = await startBare(pod, 'awake', signal)
    if (round === 0) continue
    woken.push(ours)
    bare.push(theirs)
  }
  tell(t, 'from zero to an answer', woken, bare)

  const deployed: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const environment = ['environment:', `  ROUND: "${round}"`]
    const tookMs = await timeOf(async () => {
      const commit = await repository.push({ 'stack.yml': stackOf({ hello: { more: environment } }) })
      await live(repository, commit)
    })
    if (round > 0) deployed.push(tookMs)
  }
  tell(t, 'from a push of a changed configuration to live', deployed, bare)
})
