import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTerminal, type Store, type TerminalBuildStatus } from '@slipway/domain'
import { imageOf, specOf } from '@slipway/testing'
import { claimed, delivery, push, queued, twoStores } from './scene.ts'
import { commitOf, failure, firstPage, type Subject } from './subject.ts'

export function lifeContract({ name, database }: Subject): void {
  test(`${name}: the head that was seen ends older waiting builds of its ref, and no other`, async (t) => {
    const store = await (await database(t)).open()
    const older = await queued(store, '1')
    const elsewhere = await queued(store, '1', { ref: 'refs/heads/other' })
    const head = await queued(store, '2')
    const newer = await queued(store, '3')
    await claimed(store, head.id)
    await store.builds.observe(head.id, 'w', 5)
    const statuses = await Promise.all([older, elsewhere, head, newer].map(({ id }) => store.builds.get(id)))
    assert.deepEqual(
      statuses.map((build) => build?.status),
      ['superseded', 'queued', 'building', 'queued']
    )
    assert.equal(statuses[0]?.finishedAt, 5)
  })

  test(`${name}: an older generation's late observation does not undo a newer one`, async (t) => {
    const store = await (await database(t)).open()
    const first = await queued(store, '1')
    await claimed(store, first.id, 'w1', 0, 10)
    const rollback = await queued(store, '2')
    await store.builds.claim(first.id, 'w2', 10, 20)
    await store.builds.giveWay(first.id, 'w2', { status: 'superseded', reason: 'r', head: null }, 21)
    await claimed(store, rollback.id, 'w3', 22)
    await store.builds.observe(rollback.id, 'w3', 23)
    await assert.rejects(store.builds.observe(first.id, 'w1', 24), failure('lease-lost'))
    await store.builds.finish(rollback.id, 'w3', { status: 'failed', reason: null }, 25)
    const next = await queued(store, '3')
    assert.equal((await claimed(store, next.id, 'w4', 26)).observation?.commit, commitOf('2'))
  })

  test(`${name}: a build that is not the head gives way to it, and the head is queued once`, async (t) => {
    const store = await (await database(t)).open()
    const head = commitOf('head')
    const builds = [await queued(store, '1'), await queued(store, '2'), await queued(store, '3')]
    const asked = await queued(store, '4', { trigger: 'rebuild' })
    const [first] = builds
    await claimed(store, first?.id ?? '')
    await store.builds.giveWay(first?.id ?? '', 'w', { status: 'superseded', reason: 'the branch moved on', head }, 5)
    const ends = await Promise.all(builds.map(({ id }) => store.builds.get(id)))
    assert.deepEqual(
      ends.map((build) => [build?.status, build?.reason]),
      [
        ['superseded', 'the branch moved on'],
        ['superseded', 'a newer push took its place'],
        ['superseded', 'a newer push took its place']
      ],
      'none of those that waited before the head is looked at'
    )
    assert.equal((await store.builds.get(asked.id))?.status, 'queued', 'what somebody asked for is')
    await store.builds.finish(asked.id, null, { status: 'failed', reason: null }, 6)
    const waiting = await store.builds.list(null, { status: 'queued' }, firstPage)
    assert.deepEqual(
      waiting.map(({ commit, trigger, ref }) => [commit, trigger, ref]),
      [[head, 'head', 'refs/heads/main']]
    )
  })

  test(`${name}: a build whose branch is gone, or that is a duplicate, queues nothing`, async (t) => {
    const store = await (await database(t)).open()
    const gone = await queued(store, '1')
    await claimed(store, gone.id)
    await store.builds.giveWay(gone.id, 'w', { status: 'superseded', reason: 'the branch is gone', head: null }, 5)
    const duplicate = await queued(store, '2')
    await claimed(store, duplicate.id)
    await store.builds.giveWay(duplicate.id, 'w', { status: 'skipped', reason: 'it is live already', head: null }, 5)
    assert.equal((await store.builds.get(duplicate.id))?.status, 'skipped')
    assert.equal((await store.builds.counts()).queued, 0)
  })

  test(`${name}: a plan is kept in the stack's order, and a second one replaces it`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await claimed(store, id)
    const warning = { path: 'stack.yml', line: 3, column: 5, message: 'namespace is ignored' }
    const planOf = (names: string[]) => names.map((one) => ({ name: one, spec: specOf(one) }))
    await store.builds.plan(id, 'w', planOf(['zoo', 'ant']), [warning])
    assert.deepEqual((await store.builds.get(id))?.warnings, [warning])
    await store.builds.updateFunction(id, 'ant', {
      status: 'built',
      image: imageOf('ant'),
      contentKey: 'key',
      isReused: true,
      startedAt: 1,
      builtAt: 2
    })
    const [zoo, ant] = await store.builds.functions(id)
    assert.deepEqual([zoo?.name, zoo?.status, zoo?.spec, zoo?.image], ['zoo', 'planned', specOf('zoo'), null])
    assert.deepEqual(ant, {
      buildId: id,
      name: 'ant',
      status: 'built',
      reason: null,
      spec: specOf('ant'),
      contentKey: 'key',
      image: imageOf('ant'),
      isReused: true,
      deploymentId: null,
      startedAt: 1,
      builtAt: 2,
      finishedAt: null
    })
    await assert.rejects(store.builds.updateFunction(id, 'bee', { status: 'built' }), failure('not-found', /bee/))
    await store.builds.plan(id, 'w', planOf(['bee']), [])
    assert.deepEqual(
      (await store.builds.functions(id)).map((part) => [part.name, part.status]),
      [['bee', 'planned']]
    )
    await store.builds.plan(id, 'w', [], [])
    assert.deepEqual(await store.builds.functions(id), [])
  })

  test(`${name}: a build that is handed over is nobody's until its roll-out is claimed`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await claimed(store, id)
    await store.builds.handOver(id, 'w', 7)
    const build = await store.builds.get(id)
    assert.deepEqual([build?.status, build?.deployingAt], ['deploying', 7])
    assert.equal((await store.builds.renew(id, 'w', 1000, 8)).isHeld, false)
    assert.ok(await store.builds.claimDeploy(id, 'd', 1000, 8))
  })

  test(`${name}: giving back counts no attempt, a retry does, and both only with the lease`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await claimed(store, id)
    await store.builds.giveBack(id, 'somebody else', 1)
    await store.builds.retryLater(id, 'somebody else', 'no', 1)
    assert.deepEqual([(await store.builds.get(id))?.status, (await store.builds.get(id))?.attempt], ['building', 0])
    await store.builds.giveBack(id, 'w', 1)
    assert.deepEqual([(await store.builds.get(id))?.status, (await store.builds.get(id))?.attempt], ['queued', 0])
    await claimed(store, id, 'w', 2)
    await store.builds.retryLater(id, 'w', 'the registry is away', 100)
    const later = await store.builds.get(id)
    assert.deepEqual(
      [later?.status, later?.attempt, later?.nextAttemptAt, later?.reason],
      ['queued', 1, 100, 'the registry is away']
    )
    const again = await claimed(store, id, 'w', 100)
    assert.deepEqual([again.build.attempt, again.build.nextAttemptAt, again.build.reason], [1, null, null])
    await store.builds.handOver(id, 'w', 101)
    await store.builds.claimDeploy(id, 'd', 1000, 102)
    await store.builds.retryLater(id, 'd', 'the cluster is away', 200)
    const rollout = await store.builds.get(id)
    assert.deepEqual([rollout?.status, rollout?.attempt], ['deploying', 2], 'a roll-out stays one')
  })

  test(`${name}: whoever lost the lease can change nothing`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await claimed(store, id, 'w1', 0, 10)
    await claimed(store, id, 'w2', 10)
    const lost = failure('lease-lost')
    await assert.rejects(store.builds.observe(id, 'w1', 11), lost)
    await assert.rejects(store.builds.plan(id, 'w1', [], []), lost)
    await assert.rejects(store.builds.handOver(id, 'w1', 11), lost)
    const verdict = { status: 'superseded', reason: 'r', head: commitOf('9') } as const
    await assert.rejects(store.builds.giveWay(id, 'w1', verdict, 11), lost)
    await store.builds.giveBack(id, 'w1', 11)
    await store.builds.retryLater(id, 'w1', 'r', 11)
    assert.equal((await store.builds.get(id))?.status, 'building')
    assert.equal((await store.builds.counts()).queued, 0)
    assert.equal((await store.builds.renew(id, 'w2', 1000, 12)).isHeld, true)
  })

  test(`${name}: whatever workers do, a build's end is final and generations only rise`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const answers = await store.deliveries.record(
      ['1', '2', '3'].map((one) => delivery(one, push(commitOf(one)))),
      null,
      0
    )
    const ids = answers.map(({ buildId }) => buildId ?? '')
    const ends: TerminalBuildStatus[] = ['failed', 'error', 'cancelled']
    const generations: number[] = []
    let now = 0
    const work = async (mine: Store, worker: number) => {
      const holder = `w${worker}`
      for (let step = 0; step < 15; step++) {
        now += 7
        const id = ids[(worker + step) % ids.length] ?? ''
        await mine.builds.admit({ slots: 2, perOwner: 2, redispatchMs: 20 }, now)
        const claim = await mine.builds.claim(id, holder, 10, now)
        if (claim === null) continue
        generations.push(claim.build.generation)
        await mine.builds.observe(id, holder, now).catch(onlyLeaseLost)
        if (step % 3 === 0) await mine.builds.giveBack(id, holder, now)
        if (step % 3 === 1) await mine.builds.retryLater(id, holder, 'again', now)
        if (step === 14) {
          await mine.builds
            .finish(id, holder, { status: ends[worker % 3] ?? 'failed', reason: null }, now)
            .catch(onlyLeaseLost)
        }
      }
    }
    await atOnce(4, work)
    assert.equal(new Set(generations).size, generations.length, 'no generation is given twice')
    for (const id of ids) {
      const build = await store.builds.get(id)
      assert.ok(build !== null)
      if (!isTerminal(build.status)) await store.builds.finish(id, null, { status: 'error', reason: 'end' }, now + 100)
      await assert.rejects(store.builds.finish(id, null, { status: 'failed', reason: null }, now + 200), {
        code: 'invalid-transition'
      })
    }
  })
}

function onlyLeaseLost(err: unknown): void {
  assert.ok(failure('lease-lost')(err), String(err))
}
