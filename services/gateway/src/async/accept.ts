import type { IncomingMessage } from 'node:http'
import { Failure } from '@slipway/domain/failure'
import { challenge, refusalOfCaller } from '../access.ts'
import { type FunctionAddress, noSuchFunction } from '../address.ts'
import { answerFailure } from '../answers.ts'
import type { Incoming } from '../call.ts'
import { type Calls, factsOf, refusalOfDepth, trace } from '../calls.ts'
import { callHeaders, requestHeaders } from '../headers.ts'
import type { IsPeer } from '../peers.ts'
import { notLoaded } from '../refusals.ts'
import type { RouteTable } from '../routes.ts'
import type { Traces } from '../traces.ts'
import type { Upstream } from '../upstream.ts'
import type { Bodies } from './bodies.ts'
import { parseCallback } from './callback.ts'
import type { AsyncDesk } from './desk.ts'

export interface AcceptOptions {
  table: Pick<RouteTable, 'find' | 'version' | 'keys'>
  desk: Pick<AsyncDesk, 'leave'>
  refusalOfMany: Calls['refusalOfMany']
  bodies: Bodies
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
  bodies,
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
      using body = await bodies.read(incoming, upstream as Upstream)
      await desk.leave(functionKey, {
        callId: facts.callId,
        ownerSlug,
        functionName,
        method: req.method ?? 'POST',
        target: address.target,
        headers: withoutCallback(requestHeaders(req, facts)),
        body: body.bytes.toString('base64'),
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
