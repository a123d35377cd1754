import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Claim, defaultLimits, type FunctionSpec, type OwnLimits, type Store } from '@slipway/domain'
import { imageOf, specOf } from '@slipway/testing'
import { admitted, claimed, deploying, forgeRepository, live, queued, shop, twoStores, wanted } from './scene.ts'
import { ample, failure, type Subject } from './subject.ts'

const blog = forgeRepository('alice/blog', 8)
const mebibyte = 1024 ** 2
const exceeded = (words: RegExp) => failure('limit-exceeded', words)

function sized(name: string, memoryMb: number, min = 1): { name: string; spec: FunctionSpec } {
  const spec = specOf(name)
  const limits = { memoryBytes: memoryMb * mebibyte, cpuMillis: 100 }
  return { name, spec: { ...spec, limits, replicas: { min, max: Math.max(min, 4) } } }
}

async function setLimits(store: Store, repository: typeof shop, own: OwnLimits): Promise<string> {
  const { ownerId } = await store.repositories.connect('github', repository, 0)
  await store.limits.set(ownerId ?? '', own)
  return ownerId ?? ''
}

/** Plans a stack, as its builder does; the build ends there. */
async function plan(store: Store, commit: string, functions: ReturnType<typeof sized>[], repository = shop) {
  const { id } = await queued(store, commit, { repository }, 20)
  await claimed(store, id, 'w', 20)
  try {
    await store.builds.plan(id, 'w', functions, [])
  } finally {
    await store.builds.finish(id, 'w', { status: 'failed', reason: 'the test is over' }, 20)
  }
  return id
}

export function limitsContract({ name, database }: Subject): void {
  test(`${name}: what is set for an owner goes over what the settings say, until it is taken back`, async (t) => {
    const { open } = await database(t)
    const store = await open()
    assert.deepEqual(await store.limits.defaults(), defaultLimits)
    await store.limits.setDefaults({ ...defaultLimits, functions: 20, replicas: 40 })
    const ownerId = await setLimits(store, shop, { functions: 5, replicas: null })
    const after = await (await open()).limits.of(ownerId)
    assert.deepEqual(after.own, { functions: 5, replicas: null })
    assert.deepEqual(after.limits, { ...defaultLimits, functions: 5, replicas: null })
    await store.limits.set(ownerId, {})
    assert.deepEqual(await store.limits.of(ownerId), {
      own: {},
      limits: { ...defaultLimits, functions: 20, replicas: 40 }
    })
    await assert.rejects(store.limits.set('nobody', {}), failure('not-found'))
    await assert.rejects(store.limits.of('nobody'), failure('not-found'))
  })

  test(`${name}: gateways read with each route how often one address may call, and hear of every change`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '0', ['hello'])
    const read = async () => [
      (await store.functions.routes())[0]?.callsPerSecond,
      await store.functions.routesVersion()
    ]
    const [none, first] = await read()
    assert.equal(none, null)
    await store.limits.setDefaults({ ...defaultLimits, 'calls-per-second': 20 })
    const [all, second] = await read()
    assert.deepEqual([all, Number(second) > Number(first)], [20, true])
    const ownerId = await setLimits(store, shop, { 'calls-per-second': 5 })
    const [own, third] = await read()
    assert.deepEqual([own, Number(third) > Number(second)], [5, true])
    await store.limits.set(ownerId, { 'calls-per-second': null })
    assert.equal((await read())[0], null)
  })

  test(`${name}: a plan that would bring an owner beyond a limit is refused with the numbers, before anything is built`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '0', ['hello'], blog)
    await setLimits(store, shop, { functions: 2, 'memory-mb': 300 })
    await assert.rejects(
      plan(store, '1', [sized('a', 64), sized('b', 64)]),
      exceeded(/^functions: alice would have 3, and may have 2 \(functions\); .*admin limits alice functions=3$/)
    )
    await assert.rejects(
      plan(store, '2', [sized('a', 100, 2)]),
      exceeded(/alice would have 328 MiB, and may have 300 MiB \(memory-mb\)/)
    )
    const id = await plan(store, '3', [sized('a', 86, 2)])
    assert.equal((await store.builds.functions(id)).length, 1)
  })

  test(`${name}: schedules count over all functions of an owner, and only a stack that brings some is held to them`, async (t) => {
    const store = await (await database(t)).open()
    const called = (name: string, schedule: string) => {
      const { spec } = sized(name, 64)
      return { name, spec: { ...spec, annotations: { topic: 'cron-function', schedule } } }
    }
    const ownerId = await setLimits(store, shop, { schedules: 2 })
    await plan(store, '1', [called('a', '@daily; @hourly'), sized('b', 64)])
    await assert.rejects(
      plan(store, '2', [called('a', '@daily; @hourly'), called('b', '0 6 * * *')]),
      exceeded(/^schedules of all functions together: alice would have 3, and may have 2 \(schedules\)/)
    )
    await store.limits.set(ownerId, { schedules: 0 })
    await plan(store, '3', [sized('a', 64)])
    assert.equal((await store.limits.used(ownerId)).schedules, 0)
  })

  test(`${name}: what leaves the stack makes room, what is paused keeps its own, and another owner's counts for nothing`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '0', ['a', 'b'])
    await live(store, '1', ['hello'], forgeRepository('bob/blog', 9, 2), 1)
    const ownerId = await setLimits(store, shop, { functions: 2 })
    await plan(store, '2', [sized('c', 64), sized('d', 64)])
    await store.functions.pause(ownerId, 'a', 21)
    await assert.rejects(plan(store, '3', [sized('c', 64), sized('d', 64)]), exceeded(/functions/))
    await plan(store, '4', [sized('a', 64), sized('c', 64)])
  })

  test(`${name}: who is over a lowered limit may deploy what it has, and nothing more`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '0', ['a', 'b', 'c'])
    await setLimits(store, shop, { functions: 1 })
    await plan(store, '1', [sized('a', 64), sized('b', 64), sized('c', 64)])
    await plan(store, '2', [sized('a', 64), sized('b', 64)])
    await assert.rejects(
      plan(store, '3', [sized('a', 64), sized('b', 64), sized('c', 64), sized('d', 64)]),
      exceeded(/would have 4, and may have 1/)
    )
  })

  test(`${name}: of two builds that both fit alone and not together, only one goes live, whoever comes first`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const repositories = [shop, blog, forgeRepository('alice/third', 10), forgeRepository('alice/fourth', 11)]
    await setLimits(store, shop, { functions: 2 })
    const claims: Claim[] = []
    for (const [i, repository] of repositories.entries()) {
      claims.push(await deploying(store, String(i), [`fn${i}`], repository, 0))
    }
    const results = await atOnce(4, async (other, i) => {
      const claim = claims[i]
      assert.ok(claim !== undefined)
      return other.deployments
        .prepare(claim.build.id, 'd', [wanted(claim, `fn${i}`)], 0)
        .then(() => true)
        .catch((err: unknown) => {
          assert.ok(exceeded(/functions: alice would have 3, and may have 2/)(err), String(err))
          return false
        })
    })
    assert.equal(results.filter(Boolean).length, 2)
    const ownerId = claims[0]?.build.ownerId ?? ''
    assert.equal((await store.limits.used(ownerId)).functions, 2)
    // The same once more is no more than it was.
    const first = claims[results.indexOf(true)]
    assert.ok(first !== undefined)
    const again = await store.deployments.prepare(first.build.id, 'd', [wanted(first, `fn${results.indexOf(true)}`)], 1)
    assert.equal(again.length, 1)
  })

  test(`${name}: a stack that grows in one function and shrinks in another counts as it will be`, async (t) => {
    const store = await (await database(t)).open()
    const claim = await deploying(store, '0', ['a'])
    const big = { ...sized('a', 256).spec }
    const [deployment] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'a', { spec: big })], 0)
    const change = { deploymentIds: [deployment?.id ?? ''], keep: ['a'], finish: true, pause: false }
    await store.deployments.switchLive(claim.build.id, 'd', change, 0)
    await setLimits(store, shop, { 'memory-mb': 256 })
    const next = await deploying(store, '1', ['a', 'b'], shop, 10)
    const both = [sized('a', 64), sized('b', 192)].map(({ name: fn, spec }) => wanted(next, fn, { spec }))
    assert.equal((await store.deployments.prepare(next.build.id, 'd', both, 10)).length, 2)
    const used = await store.limits.used(next.build.ownerId)
    assert.deepEqual([used.functions, used['memory-mb']], [2, 448], 'until it is live either may be')
  })

  test(`${name}: scaling is held to what one function and all of them may have, also when two ask at once`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const { deployments } = await live(store, '0', ['a', 'b'])
    const ids = deployments.map(({ id }) => id)
    const ownerId = await setLimits(store, shop, { replicas: 5, 'replicas-per-function': 3 })
    await assert.rejects(
      store.deployments.setReplicas(ids[0] ?? '', 4, 'hand'),
      exceeded(/4 replicas of a are more than alice may have of one function: 3 \(replicas-per-function\)/)
    )
    const results = await atOnce(2, (other, i) =>
      other.deployments.setReplicas(ids[i] ?? '', 3, 'hand').then(
        ({ replicas }) => replicas,
        (err: unknown) => {
          assert.ok(
            exceeded(/replicas of all functions together: alice would have 6, and may have 5/)(err),
            String(err)
          )
          return 0
        }
      )
    )
    assert.deepEqual(
      results.toSorted((a, b) => a - b),
      [0, 3]
    )
    assert.equal((await store.limits.used(ownerId)).replicas, 4)
    const scaled = ids[results.indexOf(3)] ?? ''
    assert.equal((await store.deployments.setReplicas(scaled, 1, 'hand')).replicas, 1)
    await assert.rejects(store.deployments.setReplicas(scaled, 2, 'load'), failure('conflict'))
    await assert.rejects(store.deployments.setReplicas('none', 1, 'hand'), failure('not-found'))
    const former = await live(store, '1', ['a', 'b'], shop, 10)
    assert.equal(former.deployments.length, 2)
    await assert.rejects(store.deployments.setReplicas(scaled, 1, 'hand'), failure('conflict'))
  })

  test(`${name}: an owner's own number of builds at a time goes over that of the installation`, async (t) => {
    const store = await (await database(t)).open()
    await setLimits(store, shop, { builds: 2 })
    for (const [i, repository] of [shop, blog, forgeRepository('alice/third', 10)].entries()) {
      await queued(store, String(i), { repository })
    }
    const bobs = forgeRepository('bob/blog', 9, 2)
    await queued(store, '4', { repository: bobs })
    await queued(store, '5', { repository: forgeRepository('bob/site', 12, 2) })
    assert.equal((await admitted(store, { ...ample, perOwner: 1 })).length, 3)
    const ownerId = await setLimits(store, shop, { builds: null })
    assert.equal((await store.limits.used(ownerId)).builds, 2)
    assert.equal((await admitted(store, { ...ample, perOwner: 1 }, 1)).length, 1)
  })

  test(`${name}: images take the room of their layers, each once, and a full owner is told before the next is built`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await setLimits(store, shop, { 'storage-mb': 10 })
    const base = { digest: 'sha256:base', bytes: 6 * mebibyte }
    for (const i of [1, 2]) {
      await store.images.assertRoom(ownerId)
      const layers = [base, { digest: `sha256:${i}`, bytes: 2 * mebibyte }]
      await store.images.save(ownerId, `key${i}`, imageOf(`fn${i}`), i, layers)
    }
    await store.images.save(ownerId, 'key3', imageOf('fn3'), 3)
    assert.equal((await store.limits.used(ownerId))['storage-mb'], 10)
    await assert.rejects(
      store.images.assertRoom(ownerId),
      exceeded(/images in the registry: alice would have 11 MiB, and may have 10 MiB \(storage-mb\)/)
    )
    await store.limits.set(ownerId, {})
    await store.images.assertRoom(ownerId)
  })
}
