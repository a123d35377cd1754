import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { delivery, forgeRepository, push, shop, twoStores } from './scene.ts'
import { commitOf, firstPage, type Subject } from './subject.ts'

const a = commitOf('a')
const b = commitOf('b')

export function decisionsContract({ name, database }: Subject): void {
  test(`${name}: an event that is no push is kept once, too, however often it comes at once`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const answers = await atOnce(5, (one) => one.deliveries.record([delivery('d1', { kind: 'ping' })], null, 5))
    assert.equal(answers.flat().filter(({ outcome }) => outcome === 'accepted').length, 1)
    assert.equal((await store.deliveries.due(5, 10)).length, 1)
  })

  test(`${name}: what is ignored is recorded with its reason and makes no build`, async (t) => {
    const store = await (await database(t)).open()
    const answers = await store.deliveries.record(
      [
        delivery('1', push(a, { ref: 'refs/heads/other' })),
        delivery('2', push(a, { ref: '--upload-pack=x' })),
        delivery('3', push(a, { repository: { ...shop, forgeRepositoryId: '8', fullName: 'a/../b' } })),
        delivery('4', { ...push(a), commit: null }),
        delivery('5', { kind: 'ignored', reason: 'issues are not used' })
      ],
      null,
      5
    )
    for (const answer of answers) assert.deepEqual([answer.outcome, answer.buildId], ['ignored', null])
    assert.match(answers[0]?.reason ?? '', /not the production branch/)
    assert.match(answers[4]?.reason ?? '', /issues are not used/)
    assert.equal(await store.repositories.findByForge('github', '8'), null)
    assert.deepEqual(await store.builds.list(null, {}, firstPage), [])
    assert.equal((await store.deliveries.list(null, firstPage)).length, 5)
    assert.deepEqual(await store.deliveries.due(9, 10), [])
  })

  test(`${name}: the installation's branch and the repository's setting decide which push counts`, async (t) => {
    const store = await (await database(t)).open()
    const record = async (id: string, ref: string) =>
      (await store.deliveries.record([delivery(id, push(a, { ref }))], 'prod', 5))[0]?.outcome
    assert.equal(await record('1', 'refs/heads/main'), 'ignored')
    assert.equal(await record('2', 'refs/heads/prod'), 'queued')
    const repository = await store.repositories.findByForge('github', '7')
    await store.repositories.updateSettings(repository?.id ?? '', { branch: 'live' })
    assert.equal(await record('3', 'refs/heads/prod'), 'ignored')
    assert.equal(await record('4', 'refs/heads/live'), 'queued')
  })

  test(`${name}: a commit that asks to be skipped makes a build that shows it`, async (t) => {
    const store = await (await database(t)).open()
    const [answer] = await store.deliveries.record(
      [delivery('1', push(a, { message: 'words [skip ci]\n\nmore' }))],
      null,
      5
    )
    assert.equal(answer?.outcome, 'skipped')
    const build = await store.builds.get(answer?.buildId ?? '')
    assert.deepEqual([build?.status, build?.message, build?.finishedAt], ['skipped', 'words [skip ci]', 5])
    assert.match(build?.reason ?? '', /\[skip ci\]/)
    assert.equal((await store.reports.due(6, 10)).length, 1)
  })

  test(`${name}: a push to a disconnected repository does not connect it, but has the forge asked`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await store.repositories.connect('github', shop, 1)
    await store.repositories.disconnect(id, 2)
    const [answer] = await store.deliveries.record([delivery('1', push(a))], null, 5)
    assert.deepEqual([answer?.outcome, answer?.buildId], ['accepted', null])
    assert.match(answer?.reason ?? '', /disconnected/)
    assert.equal((await store.repositories.get(id))?.disconnectedAt, 2)
    const [due] = await store.deliveries.due(6, 10)
    const event = { kind: 'repository-changed', action: 'pushed', forgeRepositoryId: '7', installationId: null }
    assert.deepEqual(due?.event, event)
  })

  test(`${name}: an event is due until it is settled, and again when it is to be tried again`, async (t) => {
    const store = await (await database(t)).open()
    const event = {
      kind: 'repository-changed',
      action: 'renamed',
      forgeRepositoryId: '7',
      installationId: null
    } as const
    const [first] = await store.deliveries.record([delivery('1', event), delivery('2', { kind: 'ping' })], null, 5)
    assert.deepEqual(first, { outcome: 'accepted', reason: null, buildId: null })
    const [due, ping] = await store.deliveries.due(5, 10)
    assert.deepEqual([due?.forgeId, due?.event, due?.attempt], ['github', event, 0])
    await store.deliveries.settle(ping?.id ?? '', { outcome: 'applied', reason: null, nextAttemptAt: null })
    await store.deliveries.settle(due?.id ?? '', { outcome: 'retry', reason: 'the forge is away', nextAttemptAt: 9 })
    assert.deepEqual(await store.deliveries.due(8, 10), [])
    assert.equal((await store.deliveries.due(9, 10))[0]?.attempt, 1)
    await store.deliveries.settle(due?.id ?? '', { outcome: 'failed', reason: 'gone', nextAttemptAt: null })
    assert.deepEqual(await store.deliveries.due(99, 10), [])
    const kept = await store.deliveries.list(null, firstPage)
    assert.deepEqual(
      kept.map(({ outcome, reason }) => [outcome, reason]),
      [
        ['applied', null],
        ['failed', 'gone']
      ]
    )
  })

  test(`${name}: owners see the deliveries of their own repositories, page by page`, async (t) => {
    const store = await (await database(t)).open()
    const theirs = { repository: forgeRepository('bob/blog', 8, 2) }
    await store.deliveries.record(
      [delivery('1', push(a)), delivery('2', push(a, theirs)), delivery('3', push(b))],
      null,
      5
    )
    const owner = await store.owners.findBySlug('alice')
    const [newest] = await store.deliveries.list(owner?.id ?? '', { before: null, limit: 1 })
    assert.deepEqual([newest?.deliveryId, newest?.commit, newest?.receivedAt], ['3', b, 5])
    const rest = await store.deliveries.list(owner?.id ?? '', { before: newest?.id ?? '', limit: 9 })
    assert.deepEqual(
      rest.map(({ deliveryId }) => deliveryId),
      ['1']
    )
  })

  test(`${name}: NUL characters and lone surrogates in a push are stored as something that can be read`, async (t) => {
    const store = await (await database(t)).open()
    const nasty = push(a, { message: 'a\0b\u{d800}c', sender: { forgeUserId: '1', login: 'x\0' } })
    const [answer] = await store.deliveries.record([delivery('1', nasty)], null, 5)
    const build = await store.builds.get(answer?.buildId ?? '')
    assert.deepEqual([build?.message, build?.sender], ['a\u{fffd}b\u{fffd}c', 'x\u{fffd}'])
    const [again] = await store.deliveries.record([delivery('1', nasty)], null, 5)
    assert.equal(again?.outcome, 'duplicate')
  })

  test(`${name}: an empty batch is nothing, and a batch of two thousand is one transaction`, async (t) => {
    const store = await (await database(t)).open()
    assert.deepEqual(await store.deliveries.record([], null, 5), [])
    const many = Array.from({ length: 2000 }, (_, i) => delivery(`d${i}`, push(commitOf(i + 1))))
    const answers = await store.deliveries.record(many, null, 5)
    assert.equal(new Set(answers.map(({ buildId }) => buildId)).size, 2000)
    assert.equal((await store.builds.counts()).queued, 2000)
  })

  test(`${name}: however deliveries are cut into batches, the same builds come of them`, async (t) => {
    const event = fc.record({
      id: fc.option(fc.constantFrom('1', '2', '3', '4'), { nil: null }),
      commit: fc.constantFrom(a, b),
      before: fc.constantFrom(null, a),
      repository: fc.constantFrom(shop, forgeRepository('bob/blog', 8, 2)),
      ref: fc.constantFrom('refs/heads/main', 'refs/heads/other'),
      message: fc.constantFrom('change', '[ci skip]'),
      cut: fc.boolean()
    })
    const outcome = async (events: { cut: boolean; received: ReturnType<typeof delivery> }[], isCut: boolean) => {
      const store = await (await database(t)).open()
      const batches = events.reduce<ReturnType<typeof delivery>[][]>(
        (all, { cut, received }) => {
          if (cut && isCut) all.push([])
          all.at(-1)?.push(received)
          return all
        },
        [[]]
      )
      const answers = []
      for (const batch of batches) answers.push(...(await store.deliveries.record(batch, null, 5)))
      const builds = (await store.builds.list(null, {}, firstPage)).toReversed()
      return {
        answers: answers.map((answer) => [
          answer.outcome,
          answer.reason,
          builds.findIndex(({ id }) => id === answer.buildId)
        ]),
        builds: builds.map(({ ref, commit, before, status }) => ({ ref, commit, before, status }))
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
        const received = events.map(({ id, cut, ...rest }) => ({
          cut,
          received: delivery(id, push(rest.commit, rest))
        }))
        assert.deepEqual(await outcome(received, false), await outcome(received, true))
      }),
      { numRuns: name === 'sqlite' ? 25 : 5 }
    )
  })
}
