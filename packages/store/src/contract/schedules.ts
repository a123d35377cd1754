import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Subject } from './subject.ts'

export function schedulesContract({ name, database }: Subject): void {
  test(`${name}: what became of a schedule is kept by function, with the last call that was left`, async (t) => {
    const store = await (await database(t)).open()
    const about = { ownerId: 'o', functionName: 'hello' }
    assert.equal(await store.schedules.last('o', 'hello'), null)
    const called = { ...about, at: 60_000, outcome: 'called' as const, reason: null, callId: 'schedule-60000' }
    await store.schedules.note(called)
    assert.deepEqual(await store.schedules.last('o', 'hello'), called)
    const skipped = { ...about, at: 120_000, outcome: 'skipped' as const, reason: 'still going', callId: null }
    await store.schedules.note(skipped)
    assert.deepEqual(await store.schedules.last('o', 'hello'), { ...skipped, callId: 'schedule-60000' })
    assert.equal(await store.schedules.last('o', 'other'), null)
    assert.equal(await store.schedules.last('other', 'hello'), null)
  })
}
