import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunningService } from '@slipway/domain'
import type { Subject } from './subject.ts'

const dayMs = 24 * 3600_000

const builder: RunningService = {
  id: 'builder-1',
  kind: 'builder',
  host: 'one',
  version: '1.0.0',
  startedAt: 5,
  seenAt: 10,
  facts: { slots: 2, disks: [{ what: 'state', path: '/s', freeBytes: 3, totalBytes: 9, wantedBytes: 1 }] }
}

export function servicesContract({ name, database }: Subject): void {
  test(`${name}: a service is known by its last word, until it leaves or was silent for a day`, async (t) => {
    const store = await (await database(t)).open()
    const api: RunningService = { ...builder, id: 'api-1', kind: 'api', facts: {} }
    await store.services.tell(builder)
    await store.services.tell(api)
    assert.deepEqual(await store.services.list(), [api, builder])
    const later = { ...builder, seenAt: 20, version: '1.1.0', facts: {} }
    await store.services.tell(later)
    assert.deepEqual(await store.services.list(), [api, later])
    await store.services.tell({ ...later, seenAt: 10 + dayMs })
    assert.equal((await store.services.list()).length, 2, 'a day is not over yet')
    await store.services.tell({ ...later, seenAt: 11 + dayMs })
    assert.deepEqual(
      (await store.services.list()).map(({ id }) => id),
      ['builder-1']
    )
    await store.services.leave('builder-1')
    await store.services.leave('builder-1')
    assert.deepEqual(await store.services.list(), [])
  })

  test(`${name}: how large the database is, and what images take, is known`, async (t) => {
    const store = await (await database(t)).open()
    const [size, images] = await store.services.room()
    assert.ok(size !== undefined && size.bytes > 10_000)
    assert.equal(images?.bytes, 0)
  })
}
