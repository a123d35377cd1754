import { Failure } from '@slipway/domain/failure'
import { CronExpressionParser } from 'cron-parser'

/** A cron expression that can be read. */
export interface Cron {
  /** When it is due next after that, epoch milliseconds; null: never again. */
  nextAfter(at: number): number | null
  /** The shortest time between two of its moments. It looks far ahead: for what is seldom due it takes a tenth of a second. */
  leastGapMs(): number
  /** The shortest time from when it is due first to when the other is next; the same moment is none. */
  gapToMs(other: Cron): number
}

const words = /^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)$/
/** What stands in fields: numbers, names of months and days, and signs. */
const field = /^[\dA-Za-z*,\-/?#]{1,100}$/
/** It stands for a number that is drawn anew whenever the expression is read. */
const drawn = /(?:^|[^A-Za-z])H(?:[^A-Za-z]|$)/i
/** So many moments in a row hold an hour of every minute. */
const looked = 62
/** A Thursday at the beginning of a year, so that what is said of an expression hangs on nothing else. */
const somewhen = Date.UTC(2026, 0, 1) - 1

/**
 * Five fields as in crontab, or six of which the first is seconds, or `@daily` and the like.
 *
 * @throws Failure `invalid-request` that says what is wrong with it, or with the time zone
 */
export function readCron(expression: string, timezone: string): Cron {
  assertTimezone(timezone)
  const fields = expression.split(' ')
  const isWritten = words.test(expression) || (fields.length >= 5 && fields.length <= 6 && fields.every(isField))
  if (!isWritten) {
    throw refused(expression, 'is not five fields, as "0 6 * * 1-5", or a word as "@daily"')
  }
  const parse = (at: number) => CronExpressionParser.parse(expression, { currentDate: new Date(at), tz: timezone })
  if (attempt(() => parse(somewhen)) === null) throw refused(expression, 'cannot be read')
  function nextAfter(at: number): number | null {
    return attempt(() => parse(at).next().getTime())
  }
  const first = nextAfter(somewhen)
  if (first === null) throw refused(expression, 'is never due')
  return {
    nextAfter,
    leastGapMs: () => leastGap(parse(somewhen)),
    gapToMs: (other) => (other.nextAfter(first) ?? Number.POSITIVE_INFINITY) - first
  }
}

/** @throws Failure `invalid-request` */
export function assertTimezone(timezone: string): void {
  // What else Intl takes, as "+02:00", others do not.
  const isName = /^[A-Za-z][\w+\-/]{0,63}$/.test(timezone)
  if (isName && attempt(() => new Intl.DateTimeFormat('en', { timeZone: timezone })) !== null) return
  throw new Failure('invalid-request', `${JSON.stringify(timezone)} is not a time zone, as "Europe/Berlin"`)
}

function leastGap(moments: { next(): { getTime(): number } }): number {
  let former: number | null = null
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < looked; i += 1) {
    const at = attempt(() => moments.next().getTime())
    if (at === null) break
    if (former !== null) least = Math.min(least, at - former)
    former = at
  }
  return least
}

const isField = (text: string) => field.test(text) && !drawn.test(text)

function refused(expression: string, what: string): Failure {
  const shown = expression.length > 80 ? `${expression.slice(0, 80)}…` : expression
  return new Failure('invalid-request', `${JSON.stringify(shown)} ${what}`)
}

/** The library's errors are all about what it was given; their words are for programmers. */
function attempt<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    return null
  }
}
