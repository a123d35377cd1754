import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Build, Claim, Deployment, Store } from '@slipway/domain'
import { imageOf } from '@slipway/testing'
import { admitted, deploying, live, shop, wanted } from './scene.ts'
import { commitOf, failure, firstPage, type Subject } from './subject.ts'

async function redeploy(
  store: Store,
  functions: string[],
  now: number,
  trigger: 'redeploy' | 'configuration' = 'redeploy'
): Promise<Build> {
  const [repository] = await store.repositories.list(null, firstPage)
  assert.ok(repository)
  return store.builds.queueRedeploy(
    { repositoryId: repository.id, functions, trigger, by: 'alice', message: 'asked for' },
    now
  )
}

async function begun(store: Store, build: Build, now: number): Promise<{ claim: Claim; deployments: Deployment[] }> {
  const claim = await store.builds.claimDeploy(build.id, 'r', 1000, now)
  assert.ok(claim, 'the redeploy could not be claimed')
  const names = (await store.builds.functions(build.id)).map(({ name }) => name)
  const asked = names.map((name) => wanted(claim, name))
  return { claim, deployments: await store.deployments.prepare(build.id, 'r', asked, now) }
}

function switched(store: Store, buildId: string, deployments: Deployment[], now: number, holder = 'r') {
  const deploymentIds = deployments.map(({ id }) => id)
  return store.deployments.switchLive(buildId, holder, { deploymentIds, keep: null, finish: true, pause: false }, now)
}

export function redeployContract({ name, database }: Subject): void {
  test(`${name}: a redeploy is a roll-out at once of what is live, in its place and under its generation`, async (t) => {
    const store = await (await database(t)).open()
    const { deployments: former, claim } = await live(store, '1', ['hello', 'other'])
    const build = await redeploy(store, ['hello'], 5)
    assert.deepEqual(
      [build.trigger, build.status, build.commit, build.sender, build.message, build.ref],
      ['redeploy', 'deploying', commitOf('1'), 'alice', 'asked for', 'refs/heads/main']
    )
    assert.deepEqual(await admitted(store), [build.id])
    const { deployments } = await begun(store, build, 6)
    const [hello] = deployments
    assert.deepEqual(
      [hello?.image, hello?.generation, hello?.redeployOf, hello?.commit, hello?.status, hello?.endpoints],
      [imageOf('hello'), former[0]?.generation, former[0]?.id, commitOf('1'), 'starting', []]
    )
    await store.builds.giveBack(build.id, 'r', 6)
    assert.deepEqual((await begun(store, build, 7)).deployments, deployments, 'the second run goes on with the same')
    const result = await switched(store, build.id, deployments, 8)
    assert.deepEqual([result.isSwitched, result.drained.map(({ id }) => id)], [true, [former[0]?.id]])
    const fn = await store.functions.get(claim.build.ownerId, 'hello')
    assert.deepEqual([fn?.liveDeploymentId, fn?.isPaused], [hello?.id, false])
    assert.equal((await store.functions.get(claim.build.ownerId, 'other'))?.liveDeploymentId, former[1]?.id)
    assert.equal((await store.builds.get(build.id))?.status, 'live')
  })

  test(`${name}: a push that was on its way when the redeploy was asked for goes live after it`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '1', ['hello'])
    const push = await deploying(store, '2', ['hello'])
    const build = await redeploy(store, ['hello'], 5)
    const { deployments } = await begun(store, build, 6)
    assert.equal((await switched(store, build.id, deployments, 7)).isSwitched, true)
    const [pushed] = await store.deployments.prepare(push.build.id, 'd', [wanted(push, 'hello')], 8)
    assert.ok(pushed)
    assert.equal((await switched(store, push.build.id, [pushed], 9, 'd')).isSwitched, true)
  })

  test(`${name}: a redeploy does not take the place of what went live, or was rolled back to, after it began`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '1', ['hello'])
    const build = await redeploy(store, ['hello'], 5)
    const { deployments } = await begun(store, build, 6)
    await live(store, '2', ['hello'])
    assert.equal((await switched(store, build.id, deployments, 7)).isSwitched, false)

    const again = await redeploy(store, ['hello'], 8)
    const { deployments: made } = await begun(store, again, 9)
    const [repository] = await store.repositories.list(null, firstPage)
    await store.functions.remove(repository?.ownerId ?? '', 'hello', 10)
    assert.equal((await switched(store, again.id, made, 11)).isSwitched, false, 'nor of what was removed')
  })

  test(`${name}: redeploys that nobody has begun are one, and one that has begun is not held up by another`, async (t) => {
    const store = await (await database(t)).open()
    const { deployments: former } = await live(store, '1', ['hello', 'other'])
    const first = await redeploy(store, ['hello'], 5)
    assert.equal((await redeploy(store, ['hello', 'other'], 6)).id, first.id)
    assert.deepEqual((await store.builds.functions(first.id)).map(({ name }) => name).toSorted(), ['hello', 'other'])
    assert.notEqual((await redeploy(store, ['hello'], 6, 'configuration')).id, first.id, 'another trigger is another')
    const { deployments } = await begun(store, first, 7)
    const second = await redeploy(store, ['hello'], 8)
    assert.notEqual(second.id, first.id)
    assert.equal((await switched(store, first.id, deployments, 9)).isSwitched, true)
    const { deployments: next } = await begun(store, second, 10)
    assert.notEqual(next[0]?.redeployOf, former[0]?.id, 'it is made of what is live when it begins')
    assert.equal((await switched(store, second.id, next, 11)).isSwitched, true)
  })

  test(`${name}: a changed configuration leaves paused functions alone, somebody who asks does not`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello', 'other'])
    const { ownerId } = claim.build
    const build = await redeploy(store, ['hello', 'other'], 5, 'configuration')
    const asked = await redeploy(store, ['hello'], 5)
    await store.functions.pause(ownerId, 'hello', 6)
    const { deployments } = await begun(store, build, 7)
    assert.deepEqual(
      deployments.map(({ functionName }) => functionName),
      ['other']
    )
    const parts = await store.builds.functions(build.id)
    assert.equal(parts.find(({ name }) => name === 'hello')?.status, 'skipped')
    const { deployments: wantedOnes } = await begun(store, asked, 8)
    assert.equal((await switched(store, asked.id, wantedOnes, 9)).isSwitched, true)
    assert.equal((await store.functions.get(ownerId, 'hello'))?.isPaused, true)
  })

  test(`${name}: a redeploy of what is not live, or of a stopped repository, is refused`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    await assert.rejects(redeploy(store, ['nothing'], 5), failure('conflict', /not live/))
    await assert.rejects(redeploy(store, [], 5), failure('invalid-request'))
    const build = await redeploy(store, ['hello'], 5)
    await store.functions.remove(claim.build.ownerId, 'hello', 6)
    await assert.rejects(begun(store, build, 7), failure('superseded', /not live any more/))
    await live(store, '2', ['hello'], shop)
    await store.repositories.disconnect(claim.repository.id, 8)
    await assert.rejects(redeploy(store, ['hello'], 9), failure('conflict', /disconnected/))
  })
}
