import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claim, Deployment, NewDeployment, Store } from '@slipway/domain'
import { imageOf, specOf } from '@slipway/testing'
import { deploying, live, queued, wanted } from './scene.ts'
import { commitOf, failure, firstPage, type Subject } from './subject.ts'

function prepared(store: Store, claim: Claim, names: string[], change: Partial<NewDeployment> = {}) {
  const asked = names.map((one) => wanted(claim, one, { mayStay: true, ...change }))
  return store.deployments.prepare(claim.build.id, 'd', asked, 5)
}

const switchTo = (store: Store, claim: Claim, deployments: Deployment[], keep: string[]) => {
  const deploymentIds = deployments.map(({ id }) => id)
  return store.deployments.switchLive(claim.build.id, 'd', { deploymentIds, keep, finish: true, pause: false }, 9)
}

const idsOf = (deployments: Deployment[]) => deployments.map(({ id }) => id)

/** A push that changes one function of many leaves the others running. */
export function staysContract({ name, database }: Subject): void {
  test(`${name}: a function of which just that is live stays as it is, and is of the newer build and commit from then on`, async (t) => {
    const store = await (await database(t)).open()
    const { deployments } = await live(store, '1', ['hello', 'other'])
    const [former] = deployments
    const stayed = await store.deployments.get(deployments[1]?.id ?? '')
    const claim = await deploying(store, '2', ['hello', 'other'])
    const changed = wanted(claim, 'hello', { mayStay: true, image: imageOf('hello', 'b') })
    const asked = [changed, wanted(claim, 'other', { mayStay: true })]
    const made = await store.deployments.prepare(claim.build.id, 'd', asked, 5)
    assert.deepEqual(made[1], stayed)
    assert.notEqual(made[0]?.id, former?.id)
    assert.deepEqual(
      await store.deployments.prepare(claim.build.id, 'd', asked, 6),
      made,
      'the second run finds the same'
    )
    const result = await switchTo(store, claim, made, ['hello', 'other'])
    assert.deepEqual([result.isSwitched, idsOf(result.drained), result.pruned], [true, [former?.id], []])
    const parts = await store.builds.functions(claim.build.id)
    assert.deepEqual(
      parts.map(({ name, status, reason, deploymentId }) => [name, status, reason, deploymentId]),
      [
        ['hello', 'live', null, made[0]?.id],
        ['other', 'live', 'unchanged: stays live', stayed?.id]
      ]
    )
    const of = { buildId: claim.build.id, commit: commitOf('2'), generation: claim.build.generation }
    assert.deepEqual(await store.deployments.get(stayed?.id ?? ''), { ...stayed, ...of })
    assert.equal((await store.functions.get(claim.build.ownerId, 'other'))?.generation, claim.build.generation)
    assert.equal((await store.builds.get(claim.build.id))?.status, 'live')
    const liveWith = async (functionName: string, commit: string) =>
      idsOf(await store.deployments.list(claim.build.ownerId, { functionName, commit }, firstPage))
    assert.deepEqual(await liveWith('other', commitOf('1')), [stayed?.id], 'with the commit that it came with')
    assert.deepEqual(
      await liveWith('other', commitOf('2').slice(0, 7)),
      [stayed?.id],
      'and with that with which it stayed'
    )
    assert.deepEqual(await liveWith('hello', commitOf('1')), [former?.id])
    assert.deepEqual(await liveWith('hello', commitOf('2')), [made[0]?.id])
    assert.deepEqual(await liveWith('hello', commitOf('3')), [])
  })

  const differences: Record<string, (claim: Claim) => Partial<NewDeployment>> = {
    'another image': () => ({ image: imageOf('hello', 'b') }),
    'another configuration': () => ({ spec: specOf('hello', { environment: { LEVEL: 'debug' } }) }),
    'another label': () => ({ labels: { a: 'c' } }),
    'another annotation': () => ({ annotations: { topic: 'orders' } }),
    'somebody who asked for it': () => ({ mayStay: false })
  }
  for (const [what, change] of Object.entries(differences)) {
    test(`${name}: with ${what} a function does not stay`, async (t) => {
      const store = await (await database(t)).open()
      const { deployments } = await live(store, '1', ['hello'])
      const claim = await deploying(store, '2', ['hello'])
      const made = await prepared(store, claim, ['hello'], change(claim))
      assert.deepEqual(
        made.map(({ status, buildId }) => [status, buildId]),
        [['starting', claim.build.id]]
      )
      assert.notDeepEqual(idsOf(made), idsOf(deployments))
    })
  }

  test(`${name}: labels that tell of the moment of a deployment, and the order of names, make no other one of it`, async (t) => {
    const store = await (await database(t)).open()
    const { claim: first } = await live(store, '1', ['hello'])
    const labels = (moment: string) => ({ z: '1', 'com.openfaas.cloud.git-sha': moment, a: 'b' })
    const spec = (names: string[]) =>
      specOf('hello', { environment: Object.fromEntries(names.map((one) => [one, one])) })
    const claim = await deploying(store, '2', ['hello'])
    const made = await prepared(store, claim, ['hello'], { labels: labels('2'), spec: spec(['A', 'B']) })
    assert.equal((await switchTo(store, claim, made, ['hello'])).isSwitched, true)
    const next = await deploying(store, '3', ['hello'])
    const { z, ...rest } = labels('3')
    const change = { labels: { ...rest, z }, spec: spec(['B', 'A']) }
    assert.deepEqual(idsOf(await prepared(store, next, ['hello'], change)), idsOf(made))
    assert.equal(first.build.ownerId, next.build.ownerId)
  })

  test(`${name}: a variable that was changed makes a function another one, and one that says the same does not`, async (t) => {
    const store = await (await database(t)).open()
    const { claim: first } = await live(store, '1', ['hello'])
    const { ownerId } = first.build
    const change = {
      ownerId,
      scope: { kind: 'owner' },
      use: 'runtime',
      by: 'alice',
      actor: 'alice'
    } as const
    await store.variables.change({ ...change, set: { LEVEL: 'info' }, remove: [] }, 1)
    const claim = await deploying(store, '2', ['hello'])
    const [made] = await prepared(store, claim, ['hello'])
    assert.equal(made?.buildId, claim.build.id)
    assert.equal((await switchTo(store, claim, made === undefined ? [] : [made], ['hello'])).isSwitched, true)
    const next = await deploying(store, '3', ['hello'])
    assert.deepEqual(idsOf(await prepared(store, next, ['hello'])), [made?.id])
    // What it declares counts, too: the variable may be taken back.
    const declared = { spec: specOf('hello', { environment: { LEVEL: 'info' } }) }
    assert.notDeepEqual(idsOf(await prepared(store, next, ['hello'], declared)), [made?.id])
  })

  test(`${name}: an older build does not go over what a newer one let stay`, async (t) => {
    const store = await (await database(t)).open()
    const { deployments: before } = await live(store, '1', ['hello'])
    const old = await deploying(store, '2', ['hello'])
    const late = await prepared(store, old, ['hello'], { image: imageOf('hello', 'b') })
    const newer = await queued(store, '3', { ref: 'refs/heads/next' })
    await store.builds.claim(newer.id, 'w', 1000, 2)
    await store.builds.handOver(newer.id, 'w', 2)
    const claim = await store.builds.claimDeploy(newer.id, 'd', 1000, 2)
    assert.ok(claim)
    const stays = await prepared(store, claim, ['hello'])
    assert.deepEqual(idsOf(stays), idsOf(before))
    assert.equal((await switchTo(store, claim, stays, ['hello'])).isSwitched, true)
    assert.equal((await switchTo(store, old, late, ['hello'])).isSwitched, false)
    assert.deepEqual(
      (await store.functions.routes()).map(({ deploymentId }) => deploymentId),
      idsOf(before)
    )
  })

  test(`${name}: what was to stay and is another by now is looked at again, unless somebody took it in hand`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '1', ['hello', 'other'])
    const claim = await deploying(store, '2', ['hello', 'other'])
    const stays = await prepared(store, claim, ['hello', 'other'])
    const [repository] = await store.repositories.list(null, firstPage)
    const asked = { trigger: 'redeploy', by: 'alice', message: 'again' } as const
    const again = await store.builds.queueRedeploy(
      { repositoryId: repository?.id ?? '', functions: ['hello'], ...asked },
      6
    )
    const redeploy = await store.builds.claimDeploy(again.id, 'r', 1000, 6)
    assert.ok(redeploy)
    const [made] = await store.deployments.prepare(again.id, 'r', [wanted(redeploy, 'hello')], 6)
    const change = { deploymentIds: [made?.id ?? ''], keep: null, finish: true, pause: false }
    assert.equal((await store.deployments.switchLive(again.id, 'r', change, 7)).isSwitched, true)

    await assert.rejects(switchTo(store, claim, stays, ['hello', 'other']), failure('unavailable', /hello/))
    const anew = await prepared(store, claim, ['hello', 'other'])
    assert.equal(anew[0]?.id, made?.id, 'which is the same, so it stays')
    await store.functions.pause(claim.build.ownerId, 'other', 8)
    assert.deepEqual((await switchTo(store, claim, anew, ['hello', 'other'])).passedOver, ['other'])
    assert.equal((await switchTo(store, claim, anew.slice(0, 1), ['hello', 'other'])).isSwitched, true)
  })

  test(`${name}: a redeploy that began before a build let the function stay goes live after it, of the newer commit`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '1', ['hello'])
    const [repository] = await store.repositories.list(null, firstPage)
    const asked = { trigger: 'configuration', by: 'alice', message: 'LEVEL changed' } as const
    const again = await store.builds.queueRedeploy(
      { repositoryId: repository?.id ?? '', functions: ['hello'], ...asked },
      3
    )
    const redeploy = await store.builds.claimDeploy(again.id, 'r', 1000, 3)
    assert.ok(redeploy)
    const [made] = await store.deployments.prepare(again.id, 'r', [wanted(redeploy, 'hello')], 3)
    const claim = await deploying(store, '2', ['hello'])
    assert.equal((await switchTo(store, claim, await prepared(store, claim, ['hello']), ['hello'])).isSwitched, true)
    const change = { deploymentIds: [made?.id ?? ''], keep: null, finish: true, pause: false }
    assert.equal((await store.deployments.switchLive(again.id, 'r', change, 10)).isSwitched, true)
    const now = await store.deployments.get(made?.id ?? '')
    const fn = await store.functions.get(claim.build.ownerId, 'hello')
    const { generation } = claim.build
    assert.deepEqual(
      [now?.status, now?.commit, now?.generation, fn?.liveDeploymentId, fn?.generation],
      ['live', commitOf('2'), generation, made?.id, generation]
    )
  })
}
