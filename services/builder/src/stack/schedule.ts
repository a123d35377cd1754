import { expressionsOf, Failure, isCronTopic, scheduleAnnotations } from '@slipway/domain'
import { assertTimezone, readCron } from '@slipway/queue/cron'
import { failureAt, type Located, quote } from './location.ts'
import type { StackPolicy } from './policy.ts'
import type { Reader } from './reader.ts'

type Labels = ReadonlyMap<string, Located<string>>

/** Of one function. */
const expressionLimit = 10

/**
 * The annotations that say when a function is called by itself.
 *
 * @throws Failure `invalid-stack` at the one that cannot be read; `limit-exceeded` at one that asks for more than may be
 */
export function checkSchedule(
  annotations: Labels,
  labels: Labels,
  { policy, reader }: { policy: Pick<StackPolicy, 'scheduleMinPeriodMs'>; reader: Reader }
): void {
  const asLabel = labels.get(scheduleAnnotations.expressions)
  if (asLabel !== undefined) {
    reader.warn(asLabel.at, 'label schedule: calls nothing: a schedule is an annotation, beside topic: cron-function')
  }
  const topic = annotations.get(scheduleAnnotations.topic)
  const schedule = annotations.get(scheduleAnnotations.expressions)
  const isCron = topic !== undefined && isCronTopic(topic.value)
  if (schedule === undefined) {
    if (!isCron) return
    throw failureAt('invalid-stack', topic.at, 'annotation topic: cron-function wants an annotation schedule beside it')
  }
  if (!isCron) {
    reader.warn(schedule.at, 'annotation schedule: calls nothing without an annotation topic: cron-function beside it')
    return
  }
  const overlap = annotations.get(scheduleAnnotations.overlap)
  if (overlap !== undefined && overlap.value !== 'allow' && overlap.value !== 'skip') {
    const words = `annotation ${scheduleAnnotations.overlap}: ${quote(overlap.value)} is neither "skip" nor "allow"`
    throw failureAt('invalid-stack', overlap.at, words)
  }
  const timezone = annotations.get(scheduleAnnotations.timezone)
  if (timezone !== undefined) at(timezone, scheduleAnnotations.timezone, () => assertTimezone(timezone.value))
  checkExpressions(schedule, timezone?.value || 'UTC', policy.scheduleMinPeriodMs)
}

function checkExpressions(schedule: Located<string>, timezone: string, minPeriodMs: number): void {
  const expressions = expressionsOf(schedule.value)
  if (expressions.length === 0) {
    throw failureAt('invalid-stack', schedule.at, 'annotation schedule: is empty: write as "0 6 * * 1-5"')
  }
  if (expressions.length > expressionLimit) {
    const words = `annotation schedule: ${expressions.length} expressions are more than the ${expressionLimit} of one function`
    throw failureAt('limit-exceeded', schedule.at, words)
  }
  const read = (expression: string) =>
    at(schedule, scheduleAnnotations.expressions, () => readCron(expression, timezone))
  const crons = expressions.map((expression) => ({ expression, cron: read(expression) }))
  const least = `${minPeriodMs / 1000} s is the least here (SCHEDULE_MIN_PERIOD_MS)`
  const tooOften = (words: string, gapMs: number) =>
    failureAt('limit-exceeded', schedule.at, `annotation schedule: ${words} after ${gapMs / 1000} s, and ${least}`)
  for (const { expression, cron } of crons) {
    const gapMs = cron.leastGapMs()
    if (gapMs < minPeriodMs) throw tooOften(`${quote(expression)} is due again`, gapMs)
  }
  // Each may be seldom enough for itself, and all together are not.
  for (const one of crons) {
    for (const other of crons) {
      const gapMs = one.cron.gapToMs(other.cron)
      if (gapMs < minPeriodMs)
        throw tooOften(`${quote(one.expression)} is followed by ${quote(other.expression)}`, gapMs)
    }
  }
}

function at<T>(place: Located<string>, name: string, read: () => T): T {
  try {
    return read()
  } catch (err) {
    if (err instanceof Failure) throw failureAt('invalid-stack', place.at, `annotation ${name}: ${err.message}`, err)
    throw err
  }
}
