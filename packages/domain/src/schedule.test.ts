import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scheduleOf } from './schedule.ts'

test('a function with the topic of cron functions and a schedule is called by itself', () => {
  const schedule = '0 6 * * 1-5;  */15   * * * * ; 0 6 * * 1-5;'
  assert.deepEqual(scheduleOf({ topic: 'cron-function', schedule }), {
    expressions: ['0 6 * * 1-5', '*/15 * * * *'],
    timezone: 'UTC',
    isOverlapAllowed: false
  })
  const more = { 'schedule.timezone': 'Europe/Berlin', 'schedule.overlap': 'allow' }
  const found = scheduleOf({ topic: 'payments, cron-function', schedule: '@daily', ...more })
  assert.deepEqual(found, { expressions: ['@daily'], timezone: 'Europe/Berlin', isOverlapAllowed: true })
})

test('one of both alone is no schedule', () => {
  assert.equal(scheduleOf({ topic: 'cron-function' }), null)
  assert.equal(scheduleOf({ topic: 'cron-function', schedule: ' ; ' }), null)
  assert.equal(scheduleOf({ topic: 'cron-functions', schedule: '@daily' }), null)
  assert.equal(scheduleOf({ schedule: '@daily' }), null)
})
