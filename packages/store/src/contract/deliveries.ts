import assert from 'node:assert/strict'
import { test } from 'node:test'
import { delivery, forgeRepository, push, shop, twoStores } from './scene.ts'
import { commitOf, firstPage, type Subject } from './subject.ts'

const a = commitOf('a')
const b = commitOf('b')

export function deliveriesContract({ name, database }: Subject): void {
  test(`${name}: the same delivery five times at once, told to two receivers, makes one build`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const answers = (await atOnce(5, (one) => one.deliveries.record([delivery('d1', push(a))], null, 5))).flat()
    assert.equal(answers.filter(({ outcome }) => outcome === 'queued').length, 1)
    assert.equal(answers.filter(({ outcome }) => outcome === 'duplicate').length, 4)
    assert.equal(new Set(answers.map(({ buildId }) => buildId)).size, 1)
    assert.equal((await store.builds.list(null, {}, firstPage)).length, 1)
    assert.equal((await store.deliveries.list(null, firstPage)).length, 1)
  })

  test(`${name}: one push from two hooks at once makes one build, and both deliveries are kept`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    await store.repositories.connect('github', shop, 1)
    for (const commit of [a, b, commitOf('c')]) {
      const answers = await atOnce(6, (one, i) =>
        one.deliveries.record([delivery(`${commit}${i}`, push(commit))], null, 5)
      )
      assert.ok(answers.flat().every(({ outcome }) => outcome === 'queued'))
      assert.equal(new Set(answers.flat().map(({ buildId }) => buildId)).size, 1)
    }
    assert.equal((await store.deliveries.list(null, firstPage)).length, 18)
    assert.equal(
      (await store.deliveries.newest('github'))?.deliveryId,
      (await store.deliveries.list(null, firstPage))[0]?.deliveryId
    )
    assert.equal(await store.deliveries.newest('gitlab'), null)
    assert.equal(await store.deliveries.newest('github', 'of-none'), null)
    assert.equal((await store.builds.counts()).queued, 3)
  })

  test(`${name}: a batch is answered in order, with repeated deliveries and pushes among it`, async (t) => {
    const store = await (await database(t)).open()
    const answers = await store.deliveries.record(
      [
        delivery('1', push(a)),
        delivery('1', push(a)),
        delivery('2', push(a)),
        delivery('3', push(b, { before: a })),
        delivery('4', push(b, { before: null })),
        delivery('1', push(a), 'gitlab')
      ],
      null,
      5
    )
    assert.deepEqual(
      answers.map(({ outcome }) => outcome),
      ['queued', 'duplicate', 'queued', 'queued', 'queued', 'queued']
    )
    const ids = answers.map(({ buildId }) => buildId)
    assert.equal(ids[0], ids[1])
    assert.equal(ids[0], ids[2])
    assert.equal(new Set(ids).size, 4, 'another commit, another before and another forge are builds of their own')
  })

  test(`${name}: pushes that are queued, skipped and ignored may come in one batch, and none of them ends what waits`, async (t) => {
    const store = await (await database(t)).open()
    const answers = await store.deliveries.record(
      [
        delivery('1', push(a)),
        delivery('2', push(b, { message: 'not yet [skip ci]\0' })),
        delivery('3', push(commitOf('c'), { ref: 'refs/heads/other' }))
      ],
      null,
      5
    )
    assert.deepEqual(
      answers.map(({ outcome }) => outcome),
      ['queued', 'skipped', 'ignored']
    )
    const builds = await store.builds.list(null, {}, firstPage)
    assert.deepEqual(
      builds.map(({ status, finishedAt, message }) => [status, finishedAt, message]),
      [
        ['skipped', 5, 'not yet [skip ci]\ufffd'],
        ['queued', null, 'change']
      ]
    )
  })

  test(`${name}: a push of a commit that is building already waits as a build of its own`, async (t) => {
    const store = await (await database(t)).open()
    const [first] = await store.deliveries.record([delivery('1', push(a))], null, 5)
    assert.ok(await store.builds.claim(first?.buildId ?? '', 'w', 1000, 6))
    const [second] = await store.deliveries.record([delivery('2', push(a))], null, 7)
    assert.notEqual(second?.buildId, first?.buildId)
  })

  test(`${name}: a known delivery changes nothing, whatever it says now`, async (t) => {
    const store = await (await database(t)).open()
    const [first] = await store.deliveries.record([delivery('1', push(a))], null, 5)
    const renamed = push(b, { repository: forgeRepository('mallory/other', 7, 66) })
    const [again] = await store.deliveries.record([delivery('1', renamed)], null, 1_000_000)
    assert.deepEqual(again, { outcome: 'duplicate', reason: null, buildId: first?.buildId })
    assert.equal((await store.repositories.findByForge('github', '7'))?.fullName, 'alice/shop')
    assert.equal((await store.owners.list(firstPage)).length, 1)
    assert.equal((await store.builds.list(null, {}, firstPage)).length, 1)
  })

  test(`${name}: deliveries without an id are never duplicates`, async (t) => {
    const store = await (await database(t)).open()
    const answers = await store.deliveries.record([delivery(null, push(a)), delivery(null, push(b))], null, 5)
    assert.deepEqual(
      answers.map(({ outcome }) => outcome),
      ['queued', 'queued']
    )
  })

  test(`${name}: a push makes its repository and owner, and later ones rename and move it`, async (t) => {
    const store = await (await database(t)).open()
    await store.deliveries.record([delivery('1', push(a))], null, 5)
    const before = await store.repositories.findByForge('github', '7')
    assert.equal((await store.owners.get(before?.ownerId ?? ''))?.slug, 'alice')
    const moved = { ...forgeRepository('acme/store', 7, 2), isPrivate: true, defaultBranch: 'trunk' }
    await store.deliveries.record(
      [
        delivery('2', push(b, { repository: moved, ref: 'refs/heads/trunk' })),
        delivery('3', push(a, { repository: { ...moved, owner: null }, ref: 'refs/heads/trunk' }))
      ],
      null,
      6
    )
    const after = await store.repositories.findByForge('github', '7')
    assert.equal(after?.id, before?.id)
    assert.deepEqual([after?.fullName, after?.isPrivate, after?.defaultBranch], ['acme/store', true, 'trunk'])
    assert.equal((await store.owners.get(after?.ownerId ?? ''))?.slug, 'acme')
    const builds = await store.builds.list(after?.ownerId ?? '', {}, firstPage)
    assert.equal(builds.length, 3, 'waiting builds move with their repository')
  })

  test(`${name}: a login that another forge has gets no slug, and inherits nothing`, async (t) => {
    const store = await (await database(t)).open()
    await store.deliveries.record([delivery('1', push(a)), delivery('1', push(a), 'gitlab')], null, 5)
    const first = await store.owners.findByForge('github', '1')
    const second = await store.owners.findByForge('gitlab', '1')
    assert.deepEqual([first?.slug, second?.slug], ['alice', null])
    assert.notEqual(first?.id, second?.id)
  })

  test(`${name}: an owner's numeric id that is not in the payload leaves the build to be resolved`, async (t) => {
    const store = await (await database(t)).open()
    const unknown = { ...shop, owner: null }
    const [answer] = await store.deliveries.record([delivery('1', push(a, { repository: unknown }))], null, 5)
    assert.equal((await store.builds.get(answer?.buildId ?? ''))?.ownerId, null)
    assert.deepEqual(
      (await store.repositories.unresolved(10, [])).map(({ fullName }) => fullName),
      ['alice/shop']
    )
    const [{ id } = { id: '' }] = await store.repositories.unresolved(10, ['another'])
    assert.deepEqual(await store.repositories.unresolved(10, [id]), [])
    assert.deepEqual(await store.builds.admit({ slots: 9, perOwner: 9, redispatchMs: 1 }, 6), [])
    await store.repositories.connect('github', shop, 7)
    assert.deepEqual(await store.repositories.unresolved(10, []), [])
    assert.equal((await store.builds.admit({ slots: 9, perOwner: 9, redispatchMs: 1 }, 8)).length, 1)
  })
}
