import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, entry, onlyFunction, parse } from './stack.fixture.ts'

const annotated = (...lines: string[]) => entry('annotations:', ...lines.map((line) => `  ${line}`))
const cron = (...lines: string[]) => annotated('topic: cron-function', ...lines)

test('a schedule with its time zone and what happens when calls overlap goes to the cluster as it is written', () => {
  const text = cron('schedule: "0 6 * * 1-5; @hourly"', 'schedule.timezone: Europe/Berlin', 'schedule.overlap: allow')
  const stack = parse(text)
  assert.deepEqual(stack.warnings, [])
  assert.deepEqual(onlyFunction(stack).spec.annotations, {
    topic: 'cron-function',
    schedule: '0 6 * * 1-5; @hourly',
    'schedule.timezone': 'Europe/Berlin',
    'schedule.overlap': 'allow'
  })
})

test('a schedule that cannot be read fails where it stands', () => {
  const bad = 'invalid-stack' as const
  assertRefused(cron('schedule: "61 * * * *"'), bad, '7:17', /annotation schedule: "61 \* \* \* \*" cannot be read/)
  assertRefused(cron('schedule: "* * * * *; often"'), bad, '7:17', /"often" is not five fields, as "0 6 \* \* 1-5"/)
  assertRefused(cron('schedule: ";"'), bad, '7:17', /is empty/)
  assertRefused(cron('schedule: "0 0 30 2 *"'), bad, '7:17', /is never due|cannot be read/)
  const zoned = cron('schedule: "@daily"', 'schedule.timezone: Mars')
  assertRefused(zoned, bad, '8:26', /annotation schedule\.timezone: "Mars" is not a time zone/)
  const overlapping = cron('schedule: "@daily"', 'schedule.overlap: maybe')
  assertRefused(overlapping, bad, '8:25', /"maybe" is neither "skip" nor "allow"/)
  assertRefused(annotated('topic: cron-function'), bad, '6:14', /wants an annotation schedule/)
})

test('more often than the least time allows, and more expressions than one function may have, are refused', () => {
  const much = 'limit-exceeded' as const
  assertRefused(cron('schedule: "* * * * * *"'), much, '7:17', /due again after 1 s, and 60 s is the least here/)
  assertRefused(cron('schedule: "0,30 0 6 * * *"'), much, '7:17', /due again after 30 s/)
  const together = cron('schedule: "0 * * * * *; 6 * * * * *"')
  assertRefused(together, much, '7:17', /"0 \* \* \* \* \*" is followed by "6 \* \* \* \* \*" after 6 s, and 60 s/)
  assert.equal(parse(cron('schedule: "*/2 * * * *; 1-59/2 * * * *; 0 6 * * *"')).functions.length, 1)
  const many = Array.from({ length: 11 }, (_, minute) => `${minute} * * * *`).join(';')
  assertRefused(cron(`schedule: "${many}"`), much, '7:17', /11 expressions are more than the 10 of one function/)
  const policy = { scheduleMinPeriodMs: 1000 }
  assert.equal(parse(cron('schedule: "*/2 * * * * *"'), { policy }).functions.length, 1)
})

test('a schedule that would call nothing is a warning', () => {
  const warningsOf = (text: string) => parse(text).warnings.map(({ line, message }) => [line, message.split(':')[0]])
  assert.deepEqual(warningsOf(annotated('schedule: "@daily"')), [[6, 'annotation schedule']])
  assert.deepEqual(warningsOf(annotated('topic: payments', 'schedule: "@daily"')), [[7, 'annotation schedule']])
  assert.deepEqual(warningsOf(entry('labels:', '  topic: cron-function', '  schedule: "@daily"')), [
    [7, 'label schedule']
  ])
})
