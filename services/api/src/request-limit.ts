import { Failure } from '@slipway/domain'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from './identify.ts'

const timeWindow = 60_000

export function tooManyRequests(ttlMs: number, whose: string): Failure {
  const message = `too many requests ${whose}: try again in ${Math.ceil(ttlMs / 1000)} s`
  return new Failure('too-many-requests', message, { retryAfterMs: ttlMs })
}

/**
 * Counts requests by who asks, beside those by address: one token used from many places, or one account's many tokens,
 * get no more than one place does.
 */
export function createCallerLimit(app: FastifyInstance, requestsPerMinute: number) {
  const callers = new WeakMap<FastifyRequest, string>()
  const check = app.createRateLimit({
    max: requestsPerMinute,
    timeWindow,
    keyGenerator: (request) => callers.get(request) ?? request.ip
  })
  return async (request: FastifyRequest, caller: Caller): Promise<void> => {
    const key = keyOf(caller)
    if (key === null) return
    callers.set(request, key)
    const answer = await check(request)
    if (!answer.isAllowed && answer.isExceeded) throw tooManyRequests(answer.ttl, 'of this caller')
  }
}

/** null: the address counts alone. */
function keyOf(caller: Caller): string | null {
  if (caller.kind === 'token') return `token ${caller.tokenId}`
  return caller.kind === 'account' ? `account ${caller.accountId}` : null
}
