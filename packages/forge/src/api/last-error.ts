import { Failure, type FailureCode, type ForgeStanding } from '@slipway/domain'

/** What a forge answers when all is well: something is not there, not as somebody would have it, or not for who asks. */
const answers: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'not-found',
  'invalid-request',
  'conflict',
  'forbidden'
])

export interface LastError {
  /** The result of a call, of which it is noted when there is none. */
  noting<T>(call: Promise<T>): Promise<T>
  get(): ForgeStanding['lastError']
}

export function createLastError(now: () => number): LastError {
  let last: ForgeStanding['lastError'] = null
  return {
    async noting(call) {
      try {
        return await call
      } catch (err) {
        if (err instanceof Failure && !answers.has(err.code)) last = { at: now(), message: err.message }
        throw err
      }
    },
    get: () => last
  }
}
