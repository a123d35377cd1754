import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { call, createScene, type Scene, saying, stackOf } from './scene.ts'

let scene: Scene

before(async () => {
  scene = await createScene({ LIMIT_FUNCTIONS: '3' })
})
after(() => scene.close())

const handlers = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [`${name}/handler.js`, saying(`this is ${name}`)]))
const stack = (...names: string[]) => stackOf(Object.fromEntries(names.map((name) => [name, {}])))

function refused(words: RegExp): (err: unknown) => boolean {
  return (err) => err instanceof Failure && err.code === 'limit-exceeded' && words.test(err.message)
}

test('a push beyond the limits fails with the numbers on the commit, and goes live once the administrator raised them', async () => {
  const { api } = scene.installation
  const repository = await scene.repository({ owner: 'alice' })
  const first = await repository.push({ 'stack.yml': stack('one', 'two', 'three'), ...handlers('one', 'two', 'three') })
  assert.equal((await repository.ended(first)).status, 'live')
  const { quotas } = await api.getUsage({ owner: 'alice' })
  const has = new Map(quotas.map(({ name, used, limit }) => [name, [used, limit]]))
  assert.deepEqual(
    [has.get('functions'), has.get('replicas'), has.get('memory-mb')],
    [
      [3, 3],
      [3, null],
      [384, null]
    ]
  )
  assert.ok((has.get('storage-mb')?.[0] ?? 0) > 0, 'what was pushed to the registry is counted')

  const second = await repository.push({
    'stack.yml': stack('one', 'two', 'three', 'four'),
    ...handlers('four')
  })
  const build = await repository.ended(second)
  assert.equal(build.status, 'failed')
  const words = /functions: alice would have 4, and may have 3 \(functions\); .*admin limits alice functions=4/
  assert.match(build.reason ?? '', words)
  const told = (await repository.statuses(second))['slipway/stack']
  assert.deepEqual(
    [told?.state, words.test(`${told?.description} ${told?.text}`)],
    ['failure', true],
    told?.description
  )
  assert.equal((await call(scene, '/function/alice-three')).body, 'this is three')

  await api.setLimits({ owner: 'alice', own: { functions: 4, 'memory-mb-per-function': 256 } })
  await api.rebuild({ id: build.id })
  assert.equal((await repository.ended(second)).status, 'live')
  assert.equal((await call(scene, '/function/alice-four')).body, 'this is four')

  const big = await repository.push({
    'stack.yml': stackOf({ one: { more: ['limits:', '  memory: 512Mi'] } })
  })
  const tooBig = await repository.ended(big)
  assert.equal(tooBig.status, 'failed')
  assert.match(
    tooBig.reason ?? '',
    /^stack\.yml:9:15: .*512Mi.* is more than the 256Mi that one replica of alice may have/
  )
})

test('scaling is held to what an owner may have', async () => {
  const { api } = scene.installation
  const repository = await scene.repository({ owner: 'bob' })
  const commit = await repository.push({ 'stack.yml': stack('one'), ...handlers('one') })
  assert.equal((await repository.ended(commit)).status, 'live')
  await api.setLimits({ owner: 'bob', own: { replicas: 2, 'replicas-per-function': 3 } })
  const scale = (replicas: number) => api.scaleFunction({ owner: 'bob', name: 'one', replicas })
  assert.equal((await scale(2)).live?.replicas, 2)
  await assert.rejects(scale(3), refused(/bob would have 3, and may have 2 \(replicas\)/))
  await assert.rejects(scale(4), refused(/4 replicas of one are more .* 3 \(replicas-per-function\)/))
  assert.equal((await api.getFunction({ owner: 'bob', name: 'one' })).live?.replicas, 2)
  assert.equal((await scale(1)).live?.replicas, 1)
})
