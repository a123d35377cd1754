import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestPerContext, reportOfCheckRun, withinBounds } from './reports.ts'
import type { CheckRun } from './state.ts'

function checkRun(id: number, change: Partial<CheckRun> = {}): CheckRun {
  const texts = { title: 'title', summary: 'summary', text: null, annotations: [] }
  const times = { startedAt: 1, completedAt: null, updatedAt: 1 }
  const place = { suiteId: 1, repositoryId: 1, commit: 'c'.repeat(40), detailsUrl: null, externalId: null }
  return { id, name: 'slipway/stack', status: 'in_progress', conclusion: null, ...place, ...texts, ...times, ...change }
}

test('the oldest reports go when there are too many', () => {
  const kept = withinBounds(Array.from({ length: 5100 }, (_, i) => checkRun(i + 1)))
  assert.deepEqual([kept.length, kept[0]?.id, kept.at(-1)?.id], [5000, 101, 5100])
})

test('the oldest reports go when their texts are too large', () => {
  const text = 'x'.repeat(60_000)
  const kept = withinBounds(Array.from({ length: 400 }, (_, i) => checkRun(i + 1, { text })))
  assert.ok(kept.length > 200 && kept.length < 300)
  assert.equal(kept.at(-1)?.id, 400)
})

test('the newest report of a context stands on the commit, a conclusion before a status', () => {
  const reports = [
    checkRun(1),
    checkRun(2, { name: 'slipway/api' }),
    checkRun(3, { status: 'completed', conclusion: 'success' })
  ].map(reportOfCheckRun)
  assert.deepEqual(
    newestPerContext(reports).map(({ id, context, state }) => [id, context, state]),
    [
      [3, 'slipway/stack', 'success'],
      [2, 'slipway/api', 'in_progress']
    ]
  )
})
