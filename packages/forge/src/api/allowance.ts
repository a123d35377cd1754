import { Failure } from '@slipway/domain'
import { type AnswerHeaders, headerOf } from './answer.ts'

/** What is left of a rate limit, as the forge's answers tell: GitHub counts per installation, GitLab per account. */
export interface Allowance {
  note(key: string, headers: AnswerHeaders): void
  /**
   * Called before what can wait, so that what cannot is never refused.
   *
   * @throws Failure `rate-limited` when less than a fifth is left.
   */
  assertAmple(key: string): void
  /** What is known of each key and not over. */
  list(): { key: string; remaining: number; limit: number; resetAt: number }[]
}

const reserve = 0.2

export function createAllowance(forge: string, now: () => number): Allowance {
  const known = new Map<string, { remaining: number; limit: number; resetAt: number }>()
  return {
    note(key, headers) {
      for (const prefix of ['x-ratelimit', 'ratelimit']) {
        const [remaining, limit, reset] = ['remaining', 'limit', 'reset'].map((part) => {
          const value = headerOf(headers, `${prefix}-${part}`) ?? ''
          return value === '' ? Number.NaN : Number(value)
        })
        if (remaining === undefined || limit === undefined || reset === undefined) continue
        if (Number.isFinite(remaining) && Number.isFinite(reset) && limit > 0) {
          known.set(key, { remaining, limit, resetAt: reset * 1000 })
        }
      }
    },
    list: () => [...known].filter(([, { resetAt }]) => resetAt > now()).map(([key, state]) => ({ key, ...state })),
    assertAmple(key) {
      const state = known.get(key)
      if (state === undefined || state.resetAt <= now() || state.remaining >= state.limit * reserve) return
      throw new Failure('rate-limited', `${forge} allows ${state.remaining} more calls: what can wait waits`, {
        retryAfterMs: Math.max(1000, state.resetAt - now())
      })
    }
  }
}
