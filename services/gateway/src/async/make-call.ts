import { gatewayNames } from '@slipway/cluster/gateway-names'
import { Failure } from '@slipway/domain/failure'
import { retryWaitMs } from '@slipway/domain/retry'
import type { AsyncCall, AsyncOutcome, MakeCall } from '@slipway/queue/async-calls'
import type { Logger } from '@slipway/service/logger'
import { readAddress } from '../address.ts'
import type { RouteTable } from '../routes.ts'
import type { Upstream } from '../upstream.ts'
import { callbackHeaders, type SendResult } from './callback.ts'
import type { Perform, Result } from './perform.ts'

export interface MakeCallDeps {
  table: Pick<RouteTable, 'find' | 'version'>
  perform: Perform
  sendResult: SendResult
  now: () => number
  logger: Logger
}

const ownNames: ReadonlySet<string> = new Set(gatewayNames)

/** Makes one try of a call that waited, and tells its result to who wanted to hear it. */
export function createMakeCall({ table, perform, sendResult, now, logger }: MakeCallDeps): MakeCall {
  /** @throws whatever ends the callback: the call itself was made */
  async function tell(
    call: AsyncCall,
    url: URL,
    upstream: Upstream,
    result: Result,
    startedAt: number,
    signal: AbortSignal
  ) {
    const facts = { callId: call.callId, functionName: upstream.label, startedAt }
    if (!ownNames.has(url.hostname)) {
      await sendResult(url, result, facts, signal)
      return
    }
    const address = readAddress(undefined, `${url.pathname}${url.search}`, '')
    const found = address.kind === 'own' ? null : table.find(address, upstream.ownerSlug)
    if (address.kind === 'own' || found === null || found.ownerId !== upstream.ownerId) {
      throw new Failure('forbidden', 'the callback is no function of the same owner')
    }
    const headers = callbackHeaders(result, facts)
    const { callId } = call
    const asked = { method: 'POST', target: address.target, headers, body: result.body, callId, startedAt: now() }
    const { status } = await perform(found, asked, signal)
    if (status >= 300) throw new Failure('bad-gateway', `the callback answered ${status}`)
  }

  return async (call, attempt, signal): Promise<AsyncOutcome> => {
    const { ownerSlug: slug, functionName, callId, callbackUrl } = call
    if (table.version() === null) return { kind: 'retry', waitMs: 1000, reason: 'the routes are not known yet' }
    const upstream = table.find({ kind: 'name', slug, functionName, target: '/' })
    if (upstream === null) return { kind: 'dead', reason: 'there is no such function any more' }
    const startedAt = now()
    const result = await perform(upstream, { ...call, body: Buffer.from(call.body, 'base64'), startedAt }, signal)
    const { retry } = upstream
    const isTriedAgain = retry.codes.includes(result.status)
    if (isTriedAgain && attempt < retry.attempts) {
      const waitMs = retryWaitMs(retry, attempt, result.retryAfterMs)
      return { kind: 'retry', waitMs, reason: `the function answered ${result.status}` }
    }
    if (callbackUrl !== null) {
      try {
        await tell(call, new URL(callbackUrl), upstream, result, startedAt, signal)
      } catch (err) {
        signal.throwIfAborted()
        logger.warn({ err, callId, function: upstream.label }, 'the result of an asynchronous call could not be told')
      }
    }
    if (!isTriedAgain) return { kind: 'done' }
    logger.warn(
      { callId, function: upstream.label, attempt, status: result.status },
      'an asynchronous call is given up'
    )
    const tries = attempt === 1 ? 'one try' : `${attempt} tries`
    return { kind: 'dead', reason: `the function answered ${result.status}, after ${tries}` }
  }
}
