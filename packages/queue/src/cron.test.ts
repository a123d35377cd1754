import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { readCron } from './cron.ts'

const minute = 60_000
const at = Date.UTC(2026, 10, 23, 7, 30)

function problemOf(expression: string, timezone = 'UTC'): string | null {
  try {
    readCron(expression, timezone)
    return null
  } catch (err) {
    assert.ok(err instanceof Failure && err.code === 'invalid-request', String(err))
    return err.message
  }
}

test('an expression says when it is due next, in its time zone', () => {
  const next = (expression: string, timezone = 'UTC') =>
    new Date(readCron(expression, timezone).nextAfter(at) ?? 0).toISOString()
  assert.equal(next('*/15 * * * *'), '2026-11-23T07:45:00.000Z')
  assert.equal(next('30 7 * * *'), '2026-11-24T07:30:00.000Z', 'not the moment itself')
  assert.equal(next('0 6 * * MON-FRI'), '2026-11-24T06:00:00.000Z')
  assert.equal(next('0 6 * * *', 'Asia/Tokyo'), '2026-11-23T21:00:00.000Z')
  assert.equal(next('@hourly'), '2026-11-23T08:00:00.000Z')
  assert.equal(next('30 0 7 * * *'), '2026-11-24T07:00:30.000Z', 'the first of six fields is seconds')
  assert.equal(next('0 0 29 2 *'), '2028-02-29T00:00:00.000Z')
})

test('the shortest time between two moments is known, wherever in the day it is', () => {
  const gap = (expression: string) => readCron(expression, 'UTC').leastGapMs()
  assert.equal(gap('* * * * *'), minute)
  assert.equal(gap('*/5 * * * *'), 5 * minute)
  assert.equal(gap('0,59 * * * *'), minute)
  assert.equal(gap('0 3 * * *'), 24 * 60 * minute)
  assert.equal(gap('* * * * * *'), 1000)
  assert.equal(gap('0,59 0 12 1 1 *'), 59_000)
  assert.equal(gap('58,59 59 23 * * *'), 1000)
})

test('how soon one expression is due after another is known, the same moment aside', () => {
  const gap = (one: string, other: string) => readCron(one, 'UTC').gapToMs(readCron(other, 'UTC'))
  assert.equal(gap('0 6 * * *', '0 6 * * 4'), 7 * 24 * 60 * minute, 'both on a Thursday')
  assert.equal(gap('0 * * * * *', '6 * * * * *'), 6000)
  assert.equal(gap('0 0 12 24 12 *', '1 * * * * *'), 1000, 'wherever in the year it is')
})

test('what is no expression is refused in words', () => {
  for (const wrong of ['', '*', '* * * *', '* * * * * * *', 'every day', '@reboot', '@every 1s', '0 25 * * *']) {
    assert.match(problemOf(wrong) ?? 'it was read', /is not five fields|cannot be read/, wrong)
  }
  for (const wrong of ['61 * * * *', '* * * 13 *', '5-1 * * * *', '*/0 * * * *', '$(id) * * * *', '* * * * 8']) {
    assert.match(problemOf(wrong) ?? 'it was read', /is not five fields|cannot be read/, wrong)
  }
  assert.match(problemOf('H * * * *') ?? 'it was read', /is not five fields/, 'another minute whenever it is read')
  assert.match(problemOf('H(0-5)/2 * * * *') ?? 'it was read', /is not five fields/)
  assert.equal(problemOf('0 6 * MAR THU'), null)
  assert.match(problemOf('0 0 30 2 *') ?? 'it was read', /is never due|cannot be read/)
  assert.match(problemOf('0 0 * * *', 'Mars/Olympus') ?? '', /"Mars\/Olympus" is not a time zone/)
  assert.match(problemOf('0 0 * * *', '+02:00') ?? '', /is not a time zone/)
  assert.ok((problemOf(`${'1,'.repeat(5000)}1 * * * *`) ?? '').length < 200)
})
