import assert from 'node:assert/strict'
import { test } from 'node:test'
import { extended, type Listed, refreshed } from './listed.ts'

/** Numbered by age, the newest has the highest number. */
const rows = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => ({ id: String(from - i) }))
const ids = ({ items }: Listed<{ id: string }>) => items.map(({ id }) => Number(id))
/** What a server answers that has so many rows. */
const answer = (newest: number, count: number) => {
  const items = rows(newest, Math.max(1, newest - count + 1))
  const last = items.at(-1)?.id ?? null
  return { items, next: last === '1' ? null : last }
}
const numbers = (from: number, to: number) => rows(from, to).map(({ id }) => Number(id))

test('a first page is as long as it was when new entries come', () => {
  const shown = refreshed(null, answer(10, 4))
  assert.deepEqual(ids(shown), [10, 9, 8, 7])
  const next = refreshed(shown, answer(12, 4))
  assert.deepEqual([ids(next), next.next], [[12, 11, 10, 9], '9'])
})

test('of a list that somebody had more of, new entries push nothing out, and it goes on where it did', () => {
  const first: Listed<{ id: string }> = { ...refreshed(null, answer(10, 4)), wanted: 8 }
  const shown = extended(first, '7', answer(6, 4))
  assert.ok(shown !== null)
  assert.deepEqual([ids(shown), shown.next], [numbers(10, 3), '3'])
  const next = refreshed(shown, answer(12, 8))
  assert.deepEqual([ids(next), next.next, next.wanted], [numbers(12, 3), '3', 8])
  const after = extended(next, '3', answer(2, 4))
  assert.deepEqual([ids(after ?? next), after?.next], [numbers(12, 1), null])
})

test('what was changed, or is gone, is so within what is asked for anew', () => {
  const shown: Listed<{ id: string; word?: string }> = { ...answer(10, 8), wanted: 8 }
  const changed = answer(11, 8)
  const items = changed.items.filter(({ id }) => id !== '8').map((one) => ({ ...one, word: 'new' }))
  const next = refreshed(shown, { ...changed, items })
  assert.deepEqual(ids(next), [11, 10, 9, 7, 6, 5, 4, 3])
  assert.deepEqual(next.items.at(-1), { id: '3' })
  assert.equal(next.items[0]?.word, 'new')
})

test('where more came than are asked for, or the last one is gone, the answer alone is shown: nothing is left out unseen', () => {
  const shown: Listed<{ id: string }> = { ...answer(10, 8), wanted: 8 }
  const next = refreshed(shown, answer(30, 8))
  assert.deepEqual([ids(next), next.next], [numbers(30, 23), '23'])
  assert.deepEqual(ids(refreshed(shown, { items: [], next: null })), [])
})

test('a page that came too late, for the list ends elsewhere by now, is not put there', () => {
  const shown: Listed<{ id: string }> = { ...answer(10, 4), wanted: 8 }
  assert.equal(extended(refreshed(shown, answer(30, 8)), '7', answer(6, 4)), null)
})
