import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store, VariableChange } from '@slipway/domain'
import { specOf } from '@slipway/testing'
import { admitted, deploying, forgeRepository, live, shop, twoStores, wanted } from './scene.ts'
import { failure, firstPage, type Subject } from './subject.ts'

const owner = { kind: 'owner' } as const

async function aliceOf(store: Store): Promise<string> {
  return (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
}

function change(
  store: Store,
  ownerId: string,
  set: Record<string, string>,
  more: Partial<VariableChange> = {},
  now = 5
) {
  return store.variables.change(
    { ownerId, scope: owner, use: 'runtime', set, remove: [], by: 'alice', actor: 'account alice (github)', ...more },
    now
  )
}

/** Rolls a build out that is `deploying`; returns the environments of what went live. */
async function rolledOut(store: Store, buildId: string, now = 20): Promise<Record<string, Record<string, string>>> {
  const claim = await store.builds.claimDeploy(buildId, 'v', 1000, now)
  assert.ok(claim, 'the roll-out could not be claimed')
  const asked = (await store.builds.functions(buildId)).map(({ name }) => wanted(claim, name))
  const made = await store.deployments.prepare(buildId, 'v', asked, now)
  const deploymentIds = made.map(({ id }) => id)
  const what = { deploymentIds, keep: null, finish: true, pause: false }
  assert.equal((await store.deployments.switchLive(buildId, 'v', what, now)).isSwitched, true)
  return Object.fromEntries(made.map(({ functionName, spec }) => [functionName, spec.environment]))
}

export function variablesContract({ name, database }: Subject): void {
  test(`${name}: a changed variable deploys what has it again, without a build; the rest stays`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await live(store, '1', ['hello', 'other'])
    const { variables, redeploys } = await change(
      store,
      ownerId,
      { A: '1' },
      { scope: { kind: 'function', functionName: 'hello' } }
    )
    assert.deepEqual(
      variables.map((one) => [one.name, one.value, one.updatedBy, one.updatedAt]),
      [['A', '1', 'alice', 5]]
    )
    const [build] = redeploys
    assert.deepEqual(
      [redeploys.length, build?.trigger, build?.status, build?.message],
      [1, 'configuration', 'deploying', 'variable A changed']
    )
    assert.deepEqual(await admitted(store), [build?.id])
    assert.deepEqual(await rolledOut(store, build?.id ?? ''), { hello: { A: '1' } })
    assert.deepEqual(
      (await change(store, ownerId, { A: '2' })).redeploys,
      [await redeployOf(store, 'other')],
      'hello has its own'
    )
    const [deployment] = await store.deployments.list(ownerId, { functionName: 'hello', status: 'live' }, firstPage)
    assert.deepEqual([deployment?.spec.environment, deployment?.declaredEnvironment], [{ A: '1' }, {}])
  })

  test(`${name}: the same value again, a build variable, or one that a function stands over deploys nothing`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const { claim } = await live(store, '1', ['hello'])
    const [first] = (
      await change(store, ownerId, { A: '1' }, { scope: { kind: 'repository', repositoryId: claim.repository.id } })
    ).redeploys
    await rolledOut(store, first?.id ?? '')
    assert.deepEqual((await change(store, ownerId, { A: 'owner' })).redeploys, [])
    assert.deepEqual((await change(store, ownerId, { B: 'x' }, { use: 'build' })).redeploys, [])
    assert.deepEqual((await change(store, ownerId, {}, { remove: ['nothing'] })).redeploys, [])
    const [again] = (
      await change(
        store,
        ownerId,
        {},
        { remove: ['A'], scope: { kind: 'repository', repositoryId: claim.repository.id } }
      )
    ).redeploys
    assert.deepEqual(await rolledOut(store, again?.id ?? ''), { hello: { A: 'owner' } })
  })

  test(`${name}: a push takes the variables of now over its stack's own, and keeps what the stack said`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await change(store, ownerId, { A: 'owner', write_timeout: '2m' })
    const claim = await deploying(store, '1', ['hello'])
    const spec = specOf('hello', { environment: { A: 'stack', B: 'stack' } })
    const [made] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'hello', { spec })], 1)
    assert.deepEqual(made?.spec.environment, { A: 'owner', B: 'stack', write_timeout: '2m' })
    assert.equal(made?.spec.writeTimeoutMs, 120_000)
    assert.deepEqual(made?.declaredEnvironment, { A: 'stack', B: 'stack' })
    const what = { deploymentIds: [made?.id ?? ''], keep: ['hello'], finish: true, pause: false }
    await store.deployments.switchLive(claim.build.id, 'd', what, 2)
    const [build] = (await change(store, ownerId, {}, { remove: ['A', 'write_timeout'] })).redeploys
    assert.deepEqual(await rolledOut(store, build?.id ?? ''), { hello: { A: 'stack', B: 'stack' } })
    const [redeployed] = await store.deployments.list(ownerId, { status: 'live' }, firstPage)
    assert.equal(redeployed?.spec.writeTimeoutMs, 60_000)
  })

  test(`${name}: a variable that changed while a version was rolled out reaches it right after`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const claim = await deploying(store, '1', ['hello'])
    const [made] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'hello')], 1)
    assert.deepEqual((await change(store, ownerId, { A: '1' })).redeploys, [], 'nothing is live')
    const what = { deploymentIds: [made?.id ?? ''], keep: ['hello'], finish: true, pause: false }
    await store.deployments.switchLive(claim.build.id, 'd', what, 2)
    assert.deepEqual(await rolledOut(store, (await redeployOf(store, 'hello')).id), { hello: { A: '1' } })
    assert.deepEqual(await store.builds.list(ownerId, { status: 'deploying' }, firstPage), [])
  })

  test(`${name}: a paused function keeps its environment, and gets the new one when it is resumed`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await live(store, '1', ['hello'])
    await store.functions.pause(ownerId, 'hello', 4)
    assert.deepEqual((await change(store, ownerId, { A: '1' })).redeploys, [])
    const { record, build } = await store.functions.resume(ownerId, 'hello', 'bob', 6)
    assert.deepEqual([record.isPaused, build?.trigger, build?.sender], [false, 'configuration', 'bob'])
    assert.deepEqual(await rolledOut(store, build?.id ?? ''), { hello: { A: '1' } })
    assert.equal((await store.functions.resume(ownerId, 'hello', 'bob', 7)).build, null, 'it missed nothing')
  })

  test(`${name}: a rollback brings the environment of then, and nothing deploys over it until it is resumed`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const { deployments } = await live(store, '1', ['hello'])
    const [redeploy] = (await change(store, ownerId, { A: '1' })).redeploys
    await rolledOut(store, redeploy?.id ?? '')
    const formerId = deployments[0]?.id ?? ''
    await store.deployments.end(formerId, 'ended', null, 21)
    const build = await store.builds.queueRollback(formerId, 'alice', 22)
    const claim = await store.builds.claimDeploy(build.id, 'd', 1000, 23)
    assert.ok(claim)
    const asked = [wanted(claim, 'hello', { existingDeploymentId: formerId })]
    const [again] = await store.deployments.prepare(build.id, 'd', asked, 24)
    assert.deepEqual(again?.spec.environment, {})
    const what = { deploymentIds: [formerId], keep: null, finish: true, pause: true }
    await store.deployments.switchLive(build.id, 'd', what, 25)
    assert.deepEqual((await change(store, ownerId, { B: '2' })).redeploys, [])
    assert.deepEqual(await store.builds.list(ownerId, { status: 'deploying' }, firstPage), [])
  })

  test(`${name}: a change is in the audit with before and after, and one that is refused changes nothing`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await change(store, ownerId, { A: '1', B: '1' })
    await change(store, ownerId, { A: '2' }, { remove: ['B'] })
    const [entry] = await store.audit.list(ownerId, firstPage)
    assert.deepEqual(
      [entry?.actor, entry?.action, entry?.resource, entry?.detail],
      [
        'account alice (github)',
        'set-variables',
        `owner/${ownerId}`,
        { use: 'runtime', before: { A: '1', B: '1' }, after: { A: '2', B: null } }
      ]
    )
    const before = await store.variables.list(ownerId)
    await assert.rejects(change(store, ownerId, { OK: '1', 'not ok': '1' }), failure('invalid-request', /not ok/))
    await assert.rejects(change(store, ownerId, { A: '1' }, { remove: ['A'] }), failure('invalid-request', /both/))
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`V${i}`, '']))
    await assert.rejects(change(store, ownerId, many), failure('limit-exceeded', /200/))
    assert.deepEqual(await store.variables.list(ownerId), before)
    assert.equal((await store.audit.list(ownerId, firstPage)).length, 2)
  })

  test(`${name}: hostile: a repository or function of another owner takes no variable and gives none`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const other = forgeRepository('bob/blog', 9, 2)
    const { claim } = await live(store, '1', ['posts'], other)
    const theirs = [
      { kind: 'repository', repositoryId: claim.repository.id },
      { kind: 'function', functionName: 'posts' }
    ] as const
    for (const scope of theirs)
      await assert.rejects(change(store, ownerId, { A: '1' }, { scope }), failure('not-found'))
    assert.deepEqual((await change(store, ownerId, { A: '1' })).redeploys, [])
    assert.deepEqual(await store.variables.list(claim.build.ownerId), [])
    await assert.rejects(change(store, 'nobody', { A: '1' }), failure('not-found'))
  })

  test(`${name}: however a change and a roll-out meet, what is live has the change or is deployed again`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const ownerId = await aliceOf(store)
    for (let round = 1; round <= 5; round++) {
      const claim = await deploying(store, String(round), ['hello'], shop, round * 10)
      const value = `r${round}`
      await atOnce(2, async (each, i) => {
        if (i === 1) return void (await change(each, ownerId, { A: value }, {}, round * 10))
        const [made] = await each.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'hello')], round * 10)
        const what = { deploymentIds: [made?.id ?? ''], keep: ['hello'], finish: true, pause: false }
        await each.deployments.switchLive(claim.build.id, 'd', what, round * 10)
      })
      const [deployment] = await store.deployments.list(ownerId, { status: 'live' }, firstPage)
      const waiting = await store.builds.list(ownerId, { status: 'deploying' }, firstPage)
      const has = deployment?.spec.environment.A === value
      assert.equal(has || waiting.length > 0, true, `round ${round} lost the change`)
      for (const { id } of waiting)
        await store.builds.finish(id, null, { status: 'superseded', reason: null }, round * 10)
    }
  })
}

async function redeployOf(store: Store, functionName: string) {
  for (const build of await store.builds.list(null, { status: 'deploying' }, firstPage)) {
    const parts = await store.builds.functions(build.id)
    if (parts.some(({ name }) => name === functionName)) return build
  }
  throw new assert.AssertionError({ message: `${functionName} is not deployed again` })
}
