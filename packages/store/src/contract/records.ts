import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogChunk } from '@slipway/domain'
import { imageOf, specOf } from '@slipway/testing'
import { claimed, forgeRepository, live, queued, shop, twoStores } from './scene.ts'
import { commitOf, failure, firstPage, type Subject } from './subject.ts'

function line(text: string, functionName: string | null = null): Omit<LogChunk, 'seq'> {
  return { at: 1, step: 'build', functionName, stream: 'stdout', text }
}

export function recordsContract({ name, database }: Subject): void {
  test(`${name}: two writers' log chunks are numbered without gaps, each writer's in order`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const { id } = await queued(store, '1')
    await atOnce(2, async (one, writer) => {
      for (let i = 0; i < 20; i++) await one.logs.append(id, [line(`${writer}.${i}a`), line(`${writer}.${i}b`)])
    })
    const chunks = await store.logs.read(id, 0, 1000)
    assert.deepEqual(
      chunks.map(({ seq }) => seq),
      Array.from({ length: 80 }, (_, i) => i + 1)
    )
    for (const writer of ['0', '1']) {
      const texts = chunks.map(({ text }) => text).filter((text) => text.startsWith(writer))
      assert.deepEqual(texts, Array.from({ length: 20 }, (_, i) => [`${writer}.${i}a`, `${writer}.${i}b`]).flat())
    }
    assert.deepEqual(
      (await store.logs.read(id, 78, 1)).map(({ seq }) => seq),
      [79]
    )
    assert.deepEqual(await store.logs.read(id, 80, 10), [])
    await store.logs.append(id, [])
    await assert.rejects(store.logs.append('nothing', [line('x')]), failure('not-found'))
  })

  test(`${name}: the end of a log is whole lines, of everything or of one function`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await store.logs.append(
      id,
      Array.from({ length: 1500 }, (_, i) => line(`line ${i}`, i % 2 === 0 ? 'even' : 'odd'))
    )
    assert.equal(await store.logs.tail(id, null, 20), 'line 1498\nline 1499')
    assert.equal(await store.logs.tail(id, 'even', 19), 'line 1496\nline 1498')
    assert.equal((await store.logs.tail(id, null, 1_000_000)).split('\n').length, 1500)
    assert.equal(await store.logs.tail(id, 'nobody', 100), '')
    await store.logs.append(id, [line(`a\nb\n${'x'.repeat(50)}`, 'long')])
    assert.equal(await store.logs.tail(id, 'long', 10), 'x'.repeat(10))
    assert.equal(await store.logs.tail(id, 'long', 52), `b\n${'x'.repeat(50)}`)
  })

  test(`${name}: what a build prints may hold NUL characters`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await store.logs.append(id, [line('a\0b\u001b[31m<script>')])
    assert.equal((await store.logs.read(id, 0, 9))[0]?.text, 'a\u{fffd}b\u001b[31m<script>')
  })

  test(`${name}: every change of a build or its functions is to be told until it was told`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    const toldAll = async () => {
      const due = await store.reports.due(10, 10)
      for (const { build, version } of due) await store.reports.done(build.id, version)
      return due.length
    }
    assert.equal(await toldAll(), 1)
    assert.equal(await toldAll(), 0)
    await claimed(store, id)
    assert.equal(await toldAll(), 1, 'claimed')
    await store.builds.plan(id, 'w', [], [{ path: 'stack.yml', line: 1, column: 1, message: 'm' }])
    assert.equal(await toldAll(), 1, 'planned')
    await store.builds.renew(id, 'w', 1000, 1)
    await store.logs.append(id, [line('x')])
    assert.equal(await toldAll(), 0, 'neither a lease nor the log is told')
    const [before] = await (async () => {
      await store.builds.retryLater(id, 'w', 'away', 5)
      return store.reports.due(10, 10)
    })()
    await claimed(store, id, 'w', 6)
    await store.reports.done(id, before?.version ?? 0)
    assert.equal(await toldAll(), 1, 'what came after the version that was told is still due')
    await store.reports.done(id, 1)
    assert.equal(await toldAll(), 0, 'an older version changes nothing')
  })

  test(`${name}: a report that could not be sent waits for its time and counts`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await store.reports.retryLater(id, 100)
    assert.deepEqual(await store.reports.due(99, 10), [])
    const [due] = await store.reports.due(100, 10)
    assert.deepEqual([due?.build.id, due?.attempt], [id, 1])
    await store.reports.done(id, due?.version ?? 0)
    await store.builds.requestCancel(id, 'alice', 101)
    assert.equal((await store.reports.due(101, 10))[0]?.attempt, 0)
  })

  test(`${name}: the newest build of a commit speaks for it, and one without an owner not yet`, async (t) => {
    const store = await (await database(t)).open()
    const old = await queued(store, '1')
    await claimed(store, old.id)
    await store.builds.finish(old.id, 'w', { status: 'error', reason: null }, 1)
    const fresh = await queued(store, '1')
    const other = await queued(store, '2')
    const elsewhere = await queued(store, '1', { repository: forgeRepository('bob/blog', 8, 2) })
    const ids = async (limit: number) => (await store.reports.due(5, limit)).map(({ build }) => build.id)
    assert.deepEqual(
      await ids(10),
      [old.id, other.id, elsewhere.id],
      'one that waits leaves the word to one that has begun'
    )
    await claimed(store, fresh.id)
    assert.deepEqual(await ids(10), [old.id, other.id, elsewhere.id], 'so does one that only looks at the head yet')
    await store.builds.plan(fresh.id, 'w', [{ name: 'hello', spec: specOf('hello') }], [])
    assert.deepEqual(await ids(1), [fresh.id], 'a page is filled with what is to be told')
    assert.deepEqual(await ids(10), [fresh.id, other.id, elsewhere.id])
    await store.builds.giveWay(fresh.id, 'w', { status: 'skipped', reason: 'built already', head: null }, 2)
    assert.deepEqual(await ids(10), [old.id, other.id, elsewhere.id], 'one that was passed over gives the word back')
    await store.deliveries.record(
      [
        {
          forgeId: 'gitlab',
          delivery: {
            deliveryId: '1',
            eventName: 'push',
            event: {
              kind: 'push',
              push: {
                repository: { ...shop, owner: null },
                ref: 'refs/heads/main',
                before: null,
                commit: commitOf('9'),
                isForced: false,
                message: '',
                sender: { forgeUserId: '1', login: 'a' }
              }
            }
          }
        }
      ],
      null,
      6
    )
    assert.equal((await ids(10)).length, 3)
    await store.repositories.connect('gitlab', shop, 7)
    assert.equal((await ids(10)).length, 4)
  })

  test(`${name}: what was sent to a forge is kept per commit and context`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId } = await queued(store, '1')
    const commit = commitOf('1')
    const status = { context: 'slipway/stack', state: 'queued', description: 'waits', externalId: null } as const
    await store.reports.saveSent(repositoryId, commit, status)
    await store.reports.saveSent(repositoryId, commit, { ...status, context: 'slipway/hello' })
    const live = { ...status, state: 'live', description: 'live', externalId: '7' } as const
    await store.reports.saveSent(repositoryId, commit, live)
    assert.deepEqual(await store.reports.sent(repositoryId, commit), [{ ...status, context: 'slipway/hello' }, live])
    assert.deepEqual(await store.reports.sent(repositoryId, commitOf('2')), [])
  })

  test(`${name}: images are kept per owner, and forgotten when the registry lost them`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', [])
    const other = await live(store, '1', [], forgeRepository('bob/blog', 8, 2))
    const ownerId = claim.build.ownerId
    await store.images.save(ownerId, 'key', imageOf('a'), 1)
    await store.images.save(ownerId, 'key', imageOf('a', 'b'), 2)
    assert.deepEqual(await store.images.find(ownerId, 'key', 3), imageOf('a', 'b'))
    assert.equal(await store.images.find(other.claim.build.ownerId, 'key', 3), null, 'strangers share no images')
    await store.images.forget(ownerId, 'key')
    assert.equal(await store.images.find(ownerId, 'key', 3), null)
  })

  test(`${name}: the audit log is kept and listed per owner`, async (t) => {
    const store = await (await database(t)).open()
    const { ownerId } = await queued(store, '1')
    const entry = { at: 1, actor: 'alice', action: 'cancel', ownerId, resource: 'build/1', detail: { before: [1] } }
    await store.audit.append(entry)
    await store.audit.append({ ...entry, ownerId: null, action: 'start' })
    const [kept] = await store.audit.list(ownerId, firstPage)
    assert.deepEqual(kept, { id: kept?.id, ...entry })
    assert.deepEqual(
      (await store.audit.list(null, firstPage)).map(({ action }) => action),
      ['start', 'cancel']
    )
    const filtered = async (filter: { actor?: string; action?: string }) =>
      (await store.audit.list(null, firstPage, filter)).map(({ action }) => action)
    assert.deepEqual(await filtered({ action: 'cancel' }), ['cancel'])
    assert.deepEqual(await filtered({ actor: 'alice' }), ['start', 'cancel'])
    assert.deepEqual(await filtered({ actor: 'bob' }), [])
    assert.equal((await store.audit.list(null, { before: kept?.id ?? '', limit: 9 })).length, 0)
  })

  test(`${name}: a setting that is made once is made by one of many`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    assert.equal(await store.settings.get('installation'), null)
    const made = await atOnce(8, (one, i) => one.settings.ensure('installation', `id-${i}`))
    assert.equal(new Set(made).size, 1)
    assert.equal(await store.settings.get('installation'), made[0])
    await store.settings.set('installation', 'other')
    await store.settings.set('new', 'value')
    assert.deepEqual([await store.settings.get('installation'), await store.settings.get('new')], ['other', 'value'])
  })

  test(`${name}: a lease has one holder, until it runs out`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const held = await atOnce(8, (one, i) => one.settings.lease('dispatch', `h${i}`, 100, 0))
    assert.equal(held.filter(Boolean).length, 1)
    const holder = `h${held.indexOf(true)}`
    assert.equal(await store.settings.lease('dispatch', holder, 100, 50), true)
    assert.equal(await store.settings.lease('dispatch', 'other', 100, 149), false)
    assert.equal(await store.settings.lease('report', 'other', 100, 149), true)
    assert.equal(await store.settings.lease('dispatch', 'other', 100, 150), true)
    assert.equal(await store.settings.lease('dispatch', holder, 100, 151), false)
  })
}
