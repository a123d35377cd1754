import type { IncomingMessage } from 'node:http'
import { Failure } from '@slipway/domain/failure'
import { challenge, refusalOfCaller } from '../access.ts'
import { type FunctionAddress, noSuchFunction } from '../address.ts'
import { answerFailure } from '../answers.ts'
import type { Incoming } from '../call.ts'
import { type Calls, factsOf, refusalOfDepth, trace } from '../calls.ts'
import { callHeaders, requestHeaders } from '../headers.ts'
import type { IsPeer } from '../peers.ts'
import { bodyTooLarge, notLoaded } from '../refusals.ts'
import type { RouteTable } from '../routes.ts'
import type { Traces } from '../traces.ts'
import type { Upstream } from '../upstream.ts'
import { parseCallback } from './callback.ts'
import type { AsyncDesk } from './desk.ts'

export interface AcceptOptions {
  table: Pick<RouteTable, 'find' | 'version' | 'keys'>
  desk: Pick<AsyncDesk, 'leave'>
  refusalOfMany: Calls['refusalOfMany']
  bodyLimitBytes: number
  isTrustedProxy: IsPeer
  traces: Traces | null
  now: () => number
}

export type AcceptCall = (incoming: Incoming, address: FunctionAddress) => void

/** Answers 202 once a call is recorded, and why not otherwise. */
export function createAcceptCall({
  table,
  desk,
  refusalOfMany,
  bodyLimitBytes,
  isTrustedProxy,
  traces,
  now
}: AcceptOptions): AcceptCall {
  return (incoming, address) => {
    if (table.version() === null) throw notLoaded()
    const upstream = table.find(address, incoming.inner?.owner?.slug)
    if (upstream === null) throw noSuchFunction()
    const { req, res } = incoming
    const facts = factsOf(incoming, isTrustedProxy, now())
    if (traces !== null) facts.traceparent = trace(incoming, traces.begin(req, upstream, facts.callId))
    const tooMany = refusalOfDepth(facts) ?? refusalOfMany(incoming, upstream, performance.now())
    if (tooMany !== null) {
      answerFailure(res, tooMany, callHeaders(facts))
      return
    }
    const stranger = refusalOfCaller(incoming, upstream, table.keys(), facts.startedAt)
    if (stranger !== null) {
      answerFailure(res, stranger, [...callHeaders(facts), ...challenge])
      return
    }
    void answered()

    async function answered(): Promise<void> {
      try {
        await record()
        res.writeHead(202, [...callHeaders(facts), 'Content-Length', '0'])
        res.end()
      } catch (err) {
        const failure = err instanceof Failure ? err : new Failure('unavailable', 'internal error', { cause: err })
        answerFailure(res, failure, callHeaders(facts))
      }
    }

    async function record(): Promise<void> {
      const { functionKey, functionName, ownerSlug } = upstream as Upstream
      const callbackUrl = callbackOf(req)
      if (incoming.upgrade !== null) throw new Failure('invalid-request', 'a WebSocket cannot be left for later')
      const body = await readBody(incoming, bodyLimitBytes, (upstream as Upstream).writeTimeoutMs)
      await desk.leave(functionKey, {
        callId: facts.callId,
        ownerSlug,
        functionName,
        method: req.method ?? 'POST',
        target: address.target,
        headers: withoutCallback(requestHeaders(req, facts)),
        body: body.toString('base64'),
        callbackUrl,
        acceptedAt: facts.startedAt
      })
    }
  }
}

function callbackOf({ headers }: IncomingMessage): string | null {
  const text = headers['x-callback-url']
  return typeof text === 'string' && text !== '' ? parseCallback(text).href : null
}

function withoutCallback(headers: string[]): string[] {
  return headers.filter((_text, i) => (headers[i - (i % 2)] as string).toLowerCase() !== 'x-callback-url')
}

async function readBody({ req, res, isExpecting }: Incoming, limitBytes: number, timeoutMs: number): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > limitBytes) throw bodyTooLarge(limitBytes)
  if (isExpecting) res.writeContinue()
  const parts: Buffer[] = []
  let bytes = 0
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    answerFailure(res, new Failure('request-timeout', `the request body had not arrived after ${timeoutMs} ms`))
    req.destroy()
  }, timeoutMs)
  try {
    // The rest of what is too large is read by who answers.
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length
      if (bytes > limitBytes) throw bodyTooLarge(limitBytes)
      parts.push(chunk as Buffer)
    }
  } catch (err) {
    if (err instanceof Failure || isLate) throw err
    throw new Failure('invalid-request', 'the request body broke off', { cause: err })
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(parts)
}
