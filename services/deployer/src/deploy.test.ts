import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure, pinnedReference } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { functionEnvironment, imageOf, pushOf, seedBuilt, seedClaim, seedLive, specOf } from '@slipway/testing'

import { commits, createDeployerForTest, never, now } from './deployer.fixture.ts'

test('ready functions are switched to all at once, and the build is live', async (t) => {
  const { store, deploy, built, routes, running, switches } = await createDeployerForTest(t)
  const buildId = await built(commits.a, ['hello', 'other'])
  await deploy({ buildId }, never)
  const build = await store.builds.get(buildId)
  assert.deepEqual(
    [build?.status, (await routes()).map(([name]) => name), (await running()).length, switches()],
    ['live', ['hello', 'other'], 2, 1]
  )
  const [hello] = await store.deployments.list(null, { functionName: 'hello' }, { before: null, limit: 1 })
  assert.equal(hello?.labels['com.openfaas.cloud.git-sha'], commits.a)
  assert.equal(hello?.labels['com.openfaas.cloud.git-owner'], 'alice')
  assert.equal(hello?.annotations['com.openfaas.cloud.git-repo-url'], 'http://forge.test/alice/shop')
})

test('the second run of a job that was done does nothing', async (t) => {
  const { deploy, built, running, switches } = await createDeployerForTest(t)
  const buildId = await built(commits.a, ['hello'])
  await deploy({ buildId }, never)
  await deploy({ buildId }, never)
  assert.deepEqual([(await running()).length, switches()], [1, 1])
})

test('one function that does not become ready keeps the whole stack as it was', async (t) => {
  const { store, cluster, deploy, built, routes, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other']) }, never)
  const before = { routes: await routes(), running: await running() }
  cluster.failNext('apply', new Failure('not-ready', 'it exited with code 1'))
  const buildId = await built(commits.b, ['hello', 'other'])
  await deploy({ buildId }, never)
  const build = await store.builds.get(buildId)
  assert.equal(build?.status, 'failed')
  assert.match(build?.reason ?? '', /hello: it exited with code 1/)
  assert.deepEqual({ routes: await routes(), running: await running() }, before)
  const parts = await store.builds.functions(buildId)
  assert.deepEqual(parts.map(({ status }) => status).toSorted(), ['cancelled', 'failed'])
})

test('a build keeps which failure of a version ended it, and is not cancelled by one that was', async (t) => {
  const { store, cluster, deploy, built } = await createDeployerForTest(t)
  const endOf = async (thrown: Failure) => {
    cluster.failNext('apply', thrown)
    const buildId = await built(commits.a, ['hello'])
    await deploy({ buildId }, never)
    const build = await store.builds.get(buildId)
    return [build?.status, await store.builds.failureCode(buildId), build?.reason]
  }
  assert.deepEqual(await endOf(new Failure('image-missing', 'gone')), ['failed', 'image-missing', 'hello: gone'])
  assert.deepEqual(await endOf(new Failure('cancelled', 'removed')), ['failed', 'not-ready', 'hello: removed'])
})

test('with the setting off, what is ready goes live and the rest does not', async (t) => {
  const { store, cluster, deploy, built, routes } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other']) }, never)
  const [repository] = await store.repositories.list(null, { before: null, limit: 1 })
  await store.repositories.updateSettings(repository?.id ?? '', { isAtomic: false })
  const before = new Map(await routes())
  cluster.failNext('apply', new Failure('not-ready', 'no'))
  const buildId = await built(commits.b, ['hello', 'other'])
  await deploy({ buildId }, never)
  assert.equal((await store.builds.get(buildId))?.status, 'failed')
  const after = new Map(await routes())
  const changed = ['hello', 'other'].filter((name) => before.get(name) !== after.get(name))
  assert.equal(changed.length, 1)
})

test('with the cluster away the roll-out is tried again, and then goes on with the same deployment', async (t) => {
  const { store, cluster, deploy, built, routes } = await createDeployerForTest(t)
  const buildId = await built(commits.a, ['hello'])
  cluster.setAway(true)
  await deploy({ buildId }, never)
  const waiting = await store.builds.get(buildId)
  assert.deepEqual([waiting?.status, waiting?.attempt], ['deploying', 1])
  const [prepared] = await store.deployments.running()
  cluster.setAway(false)
  await deploy({ buildId }, never)
  assert.deepEqual(await routes(), [['hello', prepared?.id]])
})

test('a roll-out that began before a rollback does not undo it', async (t) => {
  const { store, cluster, deploy, built, routes, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello']) }, never)
  const [[, first] = []] = await routes()
  await deploy({ buildId: await built(commits.b, ['hello']) }, never)
  await cluster.remove(first ?? '', 0, never)
  await store.deployments.end(first ?? '', 'ended', null, now())
  const older = await built(commits.c, ['hello'])
  const rollback = await store.builds.queueRollback(first ?? '', 'test', now())
  await deploy({ buildId: rollback.id }, never)
  assert.deepEqual(await routes(), [['hello', first]])
  const before = await running()

  const owner = await store.owners.findBySlug('alice')
  await store.functions.resume(owner?.id ?? '', 'hello', 'test', now())
  await deploy({ buildId: older }, never)
  assert.equal((await store.builds.get(older))?.status, 'superseded')
  assert.deepEqual(await routes(), [['hello', first]])
  assert.deepEqual(await running(), before, 'nothing of the older one is left')
})

test('functions that left the stack are pruned, another repository keeps its own', async (t) => {
  const { store, deploy, built, routes } = await createDeployerForTest(t)
  const other = { ...pushOf(commits.c).repository, forgeRepositoryId: '8', name: 'blog', fullName: 'alice/blog' }
  await seedLive(
    store,
    pushOf(commits.c, { repository: other }),
    [{ spec: specOf('posts'), image: imageOf('posts') }],
    now()
  )
  await deploy({ buildId: await built(commits.a, ['hello', 'gone']) }, never)
  await deploy({ buildId: await built(commits.b, ['hello']) }, never)
  assert.deepEqual((await routes()).map(([name]) => name).toSorted(), ['hello', 'posts'])
})

test('a paused function is left alone by a push, and says so', async (t) => {
  const { store, deploy, built, routes } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other']) }, never)
  const owner = await store.owners.findBySlug('alice')
  await store.functions.pause(owner?.id ?? '', 'hello', now())
  const before = new Map(await routes())
  const buildId = await built(commits.b, ['hello', 'other'])
  await deploy({ buildId }, never)
  const after = new Map(await routes())
  assert.equal(after.get('hello'), before.get('hello'))
  assert.notEqual(after.get('other'), before.get('other'))
  const part = (await store.builds.functions(buildId)).find(({ name }) => name === 'hello')
  assert.deepEqual([part?.status, /paused/.test(part?.reason ?? '')], ['skipped', true])
})

test('a request to cancel takes back what was started', async (t) => {
  const { store, deploy, built, cancel, running, routes } = await createDeployerForTest(t)
  const environment = functionEnvironment({ readyAfterMs: 60_000 })
  const buildId = await built(commits.a, ['hello'], { environment })
  const deploying = deploy({ buildId }, never)
  await waitFor(async () => (await running()).length === 1, { timeoutMs: 20_000 })
  await store.builds.requestCancel(buildId, 'test', now())
  cancel(buildId)
  await deploying
  assert.equal((await store.builds.get(buildId))?.status, 'cancelled')
  assert.deepEqual([await running(), await routes()], [[], []])
})

test('a request to cancel that comes right before the switch is heard by it: nothing goes live', async (t) => {
  const { store, deploy, built, routes, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other']) }, never)
  const before = { routes: await routes(), running: await running() }
  const buildId = await built(commits.b, ['hello', 'other'])
  const { switchLive } = store.deployments
  store.deployments.switchLive = async (...change) => {
    store.deployments.switchLive = switchLive
    // Its signal is lost, and the lease was renewed a moment ago.
    await store.builds.requestCancel(buildId, 'alice', now())
    return switchLive(...change)
  }
  await deploy({ buildId }, never)
  const build = await store.builds.get(buildId)
  assert.deepEqual([build?.status, build?.reason], ['cancelled', 'cancelled by alice'])
  assert.deepEqual({ routes: await routes(), running: await running() }, before)
})

test('a start that takes longer than it may is tried again, and says which setting says so', async (t) => {
  const { store, deploy, built } = await createDeployerForTest(t, { startTimeoutMs: 300 })
  const environment = functionEnvironment({ readyAfterMs: 60_000 })
  const buildId = await built(commits.a, ['hello'], { environment })
  await deploy({ buildId }, never)
  const build = await store.builds.get(buildId)
  assert.deepEqual([build?.status, build?.attempt], ['deploying', 1])
  assert.equal(build?.reason, 'starting alice-hello took longer than 0.3 s, the limit that ROLLOUT_TIMEOUT_MS sets')
})

test('a roll-out that was ended between taking a version away and writing it down ends as it would have', async (t) => {
  const { store, cluster, deploy, built, routes, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other']) }, never)
  const before = { routes: await routes(), running: await running() }
  const buildId = await built(commits.b, ['hello', 'other'])
  const { end } = store.deployments
  store.deployments.end = async () => {
    store.deployments.end = end
    throw new Failure('unavailable', 'killed')
  }
  cluster.failNext('apply', new Failure('not-ready', 'no'))
  await deploy({ buildId }, never)
  cluster.failNext('apply', new Failure('not-ready', 'no'))
  await deploy({ buildId }, never)
  assert.equal((await store.builds.get(buildId))?.status, 'failed')
  assert.deepEqual({ routes: await routes(), running: await running() }, before)
  assert.equal((await store.deployments.running()).length, 2, 'nothing is left starting')
})

test('with the setting off, a roll-out that was ended after its switch ends as it would have', async (t) => {
  const { store, cluster, deploy, built, routes } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other']) }, never)
  const [repository] = await store.repositories.list(null, { before: null, limit: 1 })
  await store.repositories.updateSettings(repository?.id ?? '', { isAtomic: false })
  const buildId = await built(commits.b, ['hello', 'other'])
  cluster.failNext('apply', new Failure('not-ready', 'no'))
  const { switchLive } = store.deployments
  store.deployments.switchLive = async (...change) => {
    store.deployments.switchLive = switchLive
    await switchLive(...change)
    // As if the process ended here, and another came.
    throw new Failure('unavailable', 'killed')
  }
  await deploy({ buildId }, never)
  const half = new Map(await routes())
  cluster.failNext('apply', new Failure('not-ready', 'no'))
  await deploy({ buildId }, never)
  assert.equal((await store.builds.get(buildId))?.status, 'failed')
  assert.deepEqual(new Map(await routes()), half, 'what was ready stays live')
})

test('a shutdown gives the roll-out back, and the next one ends it', async (t) => {
  const { store, deploy, built, routes } = await createDeployerForTest(t)
  const buildId = await built(commits.a, ['hello'])
  const shutdown = new AbortController()
  shutdown.abort()
  await deploy({ buildId }, shutdown.signal)
  const given = await store.builds.get(buildId)
  assert.deepEqual([given?.status, given?.attempt], ['deploying', 0])
  await deploy({ buildId }, never)
  assert.deepEqual(
    (await routes()).map(([name]) => name),
    ['hello']
  )
})

test('a roll-out that was ended after it knew of a failure does not end live the next time', async (t) => {
  const { store, deploy, built, routes } = await createDeployerForTest(t)
  const buildId = await built(commits.a, ['hello', 'other'])
  // As a killed worker leaves it: one function's end is written, the build's is not.
  await store.builds.updateFunction(buildId, 'hello', { status: 'failed', reason: 'it exited with code 1' })
  await deploy({ buildId }, never)
  const build = await store.builds.get(buildId)
  assert.deepEqual([build?.status, build?.reason], ['failed', 'hello: it exited with code 1'])
  assert.deepEqual(await routes(), [])
})

test('a run that lost its lease while it slept leaves alone what the next run made live', async (t) => {
  const { store, cluster, deploy, built, routes, running } = await createDeployerForTest(t)
  const buildId = await built(commits.a, ['hello'])
  const asleep = Promise.withResolvers<void>()
  const isAsleep = Promise.withResolvers<void>()
  const setEndpoints = store.deployments.setEndpoints
  store.deployments.setEndpoints = async (...change) => {
    store.deployments.setEndpoints = setEndpoints
    isAsleep.resolve()
    await asleep.promise
    return setEndpoints(...change)
  }
  const first = deploy({ buildId }, never)
  await isAsleep.promise
  const later = now() + 120_000
  const second = await store.builds.claimDeploy(buildId, 'next', 60_000, later)
  const [deployment] = await store.deployments.running()
  assert.ok(second && deployment)
  const change = { deploymentIds: [deployment.id], keep: ['hello'], finish: true, pause: false }
  assert.equal((await store.deployments.switchLive(buildId, 'next', change, later)).isSwitched, true)
  asleep.resolve()
  await first
  assert.deepEqual(await routes(), [['hello', deployment.id]])
  assert.deepEqual(await running(), [deployment.id])
  await cluster.remove(deployment.id, 0, never)
})

test('a redeploy puts what is live in its own place anew, without a build and without pruning', async (t) => {
  const { store, deploy, built, routes } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other']) }, never)
  const before = new Map(await routes())
  const [repository] = await store.repositories.list(null, { before: null, limit: 1 })
  const build = await store.builds.queueRedeploy(
    { repositoryId: repository?.id ?? '', functions: ['hello'], trigger: 'redeploy', by: 'test', message: 'again' },
    now()
  )
  await deploy({ buildId: build.id }, never)
  assert.equal((await store.builds.get(build.id))?.status, 'live')
  const after = new Map(await routes())
  assert.notEqual(after.get('hello'), before.get('hello'))
  assert.equal(after.get('other'), before.get('other'))
})

test('a redeploy that does not become ready leaves the former one live', async (t) => {
  const { store, cluster, deploy, built, routes, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello']) }, never)
  const before = { routes: await routes(), running: await running() }
  const [repository] = await store.repositories.list(null, { before: null, limit: 1 })
  const build = await store.builds.queueRedeploy(
    { repositoryId: repository?.id ?? '', functions: ['hello'], trigger: 'redeploy', by: 'test', message: 'again' },
    now()
  )
  cluster.failNext('apply', new Failure('not-ready', 'no'))
  await deploy({ buildId: build.id }, never)
  assert.equal((await store.builds.get(build.id))?.status, 'failed')
  assert.deepEqual({ routes: await routes(), running: await running() }, before)
})

test('a function that is paused while it starts is passed over, and the others go live', async (t) => {
  const { store, cluster, deploy, built, routes, running } = await createDeployerForTest(t)
  const first = await built(commits.a, ['hello', 'other'])
  await deploy({ buildId: first }, never)
  const former = Object.fromEntries(await routes())
  const second = await built(commits.b, ['hello', 'other'], { environment: functionEnvironment({ readyAfterMs: 200 }) })
  const { ownerId } = (await store.builds.get(second)) ?? {}
  const deploying = deploy({ buildId: second }, never)
  await waitFor(async () => (await cluster.list(never)).length > 2, {
    timeoutMs: 20_000,
    what: 'the new ones to start'
  })
  await store.functions.pause(ownerId ?? '', 'hello', now())
  await deploying
  const parts = await store.builds.functions(second)
  assert.deepEqual(
    parts.map(({ name, status }) => [name, status]),
    [
      ['hello', 'skipped'],
      ['other', 'live']
    ]
  )
  assert.match(parts[0]?.reason ?? '', /paused/)
  assert.equal((await store.builds.get(second))?.status, 'live')
  const current = Object.fromEntries(await routes())
  assert.equal(current.hello, former.hello)
  assert.notEqual(current.other, former.other)
  const kept = await running()
  assert.ok(kept.includes(current.hello ?? '') && kept.includes(current.other ?? ''))
  assert.equal(kept.length, 3, 'the one that was passed over is gone, the former one of the other still drains')
})

test('a rollback to an image that the registry lost says so, and begins nothing', async (t) => {
  const { store, cluster, deploy, built, routes, running, gone } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello']) }, never)
  const first = (await routes())[0]?.[1] ?? ''
  await deploy({ buildId: await built(commits.b, ['hello']) }, never)
  await cluster.remove(first, 0, never)
  await store.deployments.end(first, 'ended', null, now())
  const before = { routes: await routes(), running: await running() }
  const earlier = await store.deployments.get(first)
  assert.ok(earlier)
  gone.add(pinnedReference(earlier.image))
  const rollback = await store.builds.queueRollback(first, 'test', now())
  await deploy({ buildId: rollback.id }, never)
  const build = await store.builds.get(rollback.id)
  assert.equal(build?.status, 'failed')
  assert.match(build?.reason ?? '', /hello: its image is not in the registry any more .*slipway rebuild/)
  assert.deepEqual({ routes: await routes(), running: await running() }, before)
  assert.equal((await store.deployments.get(first))?.status, 'ended', 'it may be tried again')
})

test('a push that changes one function of a stack starts nothing of the others, and tells so', async (t) => {
  const { store, deploy, built, routes, running } = await createDeployerForTest(t)
  const names = ['hello', 'one', 'two']
  const unchanged = ['one', 'two']
  await deploy({ buildId: await built(commits.a, names, {}, unchanged) }, never)
  const before = new Map(await routes())
  const buildId = await built(commits.b, names, {}, unchanged)
  await deploy({ buildId }, never)
  assert.equal((await store.builds.get(buildId))?.status, 'live')
  const after = new Map(await routes())
  assert.notEqual(after.get('hello'), before.get('hello'))
  for (const name of unchanged) assert.equal(after.get(name), before.get(name))
  assert.equal((await running()).length, 4, 'three are live, and the former one of the changed function drains')
  assert.deepEqual(
    (await store.builds.functions(buildId)).map(({ name, status, reason }) => [name, status, reason]),
    [
      ['hello', 'live', null],
      ['one', 'live', 'unchanged: stays live'],
      ['two', 'live', 'unchanged: stays live']
    ]
  )
  const texts = (await store.logs.read(buildId, 0, 100)).map(({ text }) => text)
  assert.ok(texts.includes('one is unchanged: it stays live as it is'), texts.join('; '))
  const stays = await store.deployments.get(after.get('one') ?? '')
  assert.deepEqual([stays?.commit, stays?.buildId], [commits.b, buildId])
  assert.equal(stays?.labels['com.openfaas.cloud.git-sha'], commits.a, 'what runs was not touched')
})

test('a push that changes no function at all goes live without a start', async (t) => {
  const { store, deploy, built, routes, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'gone'], {}, ['hello']) }, never)
  const before = new Map(await routes())
  const buildId = await built(commits.b, ['hello'], {}, ['hello'])
  await deploy({ buildId }, never)
  assert.equal((await store.builds.get(buildId))?.status, 'live')
  assert.deepEqual(await routes(), [['hello', before.get('hello')]], 'and what left the stack goes')
  assert.equal((await running()).length, 2)
})

test('unchanged functions stay live when a changed one does not become ready', async (t) => {
  const { store, cluster, deploy, built, routes, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other'], {}, ['other']) }, never)
  const before = { routes: await routes(), running: await running() }
  cluster.failNext('apply', new Failure('not-ready', 'it exited with code 1'))
  const buildId = await built(commits.b, ['hello', 'other'], {}, ['other'])
  await deploy({ buildId }, never)
  assert.equal((await store.builds.get(buildId))?.status, 'failed')
  assert.deepEqual({ routes: await routes(), running: await running() }, before)
  const [, other] = await store.builds.functions(buildId)
  assert.deepEqual([other?.status, other?.reason], ['skipped', 'unchanged: stays live'])
})

test('an unchanged function that is paused meanwhile is passed over and goes on running', async (t) => {
  const { store, deploy, built, routes, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other'], {}, ['other']) }, never)
  const before = new Map(await routes())
  const owner = await store.owners.findBySlug('alice')
  const buildId = await built(commits.b, ['hello', 'other'], {}, ['other'])
  const { switchLive } = store.deployments
  store.deployments.switchLive = async (...change) => {
    store.deployments.switchLive = switchLive
    await store.functions.pause(owner?.id ?? '', 'other', now())
    return switchLive(...change)
  }
  await deploy({ buildId }, never)
  assert.equal((await store.builds.get(buildId))?.status, 'live')
  const after = new Map(await routes())
  assert.equal(after.get('other'), before.get('other'))
  assert.ok((await running()).includes(before.get('other') ?? ''))
  const parts = await store.builds.functions(buildId)
  assert.deepEqual(
    parts.map(({ status }) => status),
    ['live', 'skipped']
  )
})

test('what was to stay and was deployed again meanwhile is looked at once more, and the build goes live', async (t) => {
  const { store, deploy, built, routes } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello', 'other'], {}, ['other']) }, never)
  const [repository] = await store.repositories.list(null, { before: null, limit: 1 })
  const buildId = await built(commits.b, ['hello', 'other'], {}, ['other'])
  const { switchLive } = store.deployments
  let again = ''
  store.deployments.switchLive = async (...change) => {
    store.deployments.switchLive = switchLive
    const asked = { trigger: 'redeploy', by: 'test', message: 'again' } as const
    const redeploy = { repositoryId: repository?.id ?? '', functions: ['other'], ...asked }
    again = (await store.builds.queueRedeploy(redeploy, now())).id
    await deploy({ buildId: again }, never)
    return switchLive(...change)
  }
  await deploy({ buildId }, never)
  assert.deepEqual([(await store.builds.get(again))?.status, (await store.builds.get(buildId))?.attempt], ['live', 1])
  const between = new Map(await routes())
  await deploy({ buildId }, never)
  assert.equal((await store.builds.get(buildId))?.status, 'live')
  const after = new Map(await routes())
  assert.equal(after.get('other'), between.get('other'))
  assert.notEqual(after.get('hello'), between.get('hello'))
})

test('a rebuild starts everything anew, for somebody asked for it', async (t) => {
  const { store, deploy, built, routes } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello'], {}, ['hello']) }, never)
  const before = await routes()
  const [repository] = await store.repositories.list(null, { before: null, limit: 1 })
  const asked = { ref: 'refs/heads/main', commit: commits.a, before: null, trigger: 'rebuild' } as const
  const more = { message: null, sender: 'test', noCache: false }
  const { id } = await store.builds.queue({ repositoryId: repository?.id ?? '', ...asked, ...more }, now())
  await seedClaim(store, id, now())
  await seedBuilt(store, id, [{ spec: specOf('hello'), image: imageOf('hello', 'e') }], now())
  await deploy({ buildId: id }, never)
  assert.equal((await store.builds.get(id))?.status, 'live')
  assert.notDeepEqual(await routes(), before)
})
