import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Failure } from '@slipway/domain/failure'
import { challenge, keyHeaders, refusalOfCaller } from './access.ts'
import { type Address, noSuchFunction } from './address.ts'
import { answerFailure } from './answers.ts'
import { hasBody, type Incoming, statusOf } from './call.ts'
import { callerOf, createCallerLimit } from './caller-limit.ts'
import { forward } from './forward.ts'
import { type CallFacts, callHeaders, givenCallId, innerDepth } from './headers.ts'
import type { GatewayMetrics } from './metrics.ts'
import { createOpenCalls } from './open-calls.ts'
import type { IsPeer } from './peers.ts'
import { bodyTooLarge, notLoaded, tooDeep, tooManyCalls, tooManyOfCaller } from './refusals.ts'
import type { RouteTable } from './routes.ts'
import type { Tally } from './tally.ts'
import type { CallSpan, Traces } from './traces.ts'
import { isAsleep, type Upstream } from './upstream.ts'
import type { Waking } from './waking.ts'

/** The calls in flight. */
export interface Calls {
  /** Counts a call of an address, those that nobody waits for included: why there are too many of it; null when it may pass. */
  refusalOfMany(incoming: Incoming, upstream: Upstream, begin: number): Failure | null
  /** @throws Failure `not-found`, `unavailable` when there is nobody to call. */
  begin(incoming: Incoming, address: Exclude<Address, { kind: 'own' }>): void
  /** Ends all of them, wherever they are. */
  cut(): void
  /** Resolves when there is none. */
  idle(): Promise<void>
}

export interface CallsOptions {
  table: RouteTable
  metrics: GatewayMetrics
  tally: Pick<Tally, 'began' | 'ended'>
  /** Holds calls to functions that have no replica. */
  waking: Pick<Waking, 'hold'>
  bodyLimitBytes: number
  inFlightLimit: number
  isTrustedProxy: IsPeer
  /** null: nobody takes spans. */
  traces: Traces | null
  now: () => number
}

const isNobody: IsPeer = () => false

/** The span ends with the answer. @returns what its function gets */
export function trace(incoming: Incoming, span: CallSpan): string {
  incoming.res.on('close', () => span.end(statusOf(incoming)))
  return span.traceparent
}

/** Functions that pass a call on tell how often it was: beyond this it goes round in a circle. */
const depthLimit = 32

export function refusalOfDepth({ depth }: CallFacts): Failure | null {
  return depth > depthLimit ? tooDeep(depthLimit) : null
}

/** What is known of a call as it comes. What functions say of whom they had it from is not believed, whatever their addresses are. */
export function factsOf({ req, inner }: Incoming, isTrustedProxy: IsPeer, startedAt: number): CallFacts {
  return {
    callId: givenCallId(req) ?? randomUUID(),
    startedAt,
    isTrusted: inner === null && isTrustedProxy(req.socket.remoteAddress),
    depth: inner === null ? 0 : innerDepth(req),
    traceparent: null,
    keyHeaders: keyHeaders(req)
  }
}

export function createCalls(options: CallsOptions): Calls {
  const { table, metrics, tally, waking, bodyLimitBytes, inFlightLimit, isTrustedProxy, traces, now } = options
  const open = createOpenCalls()
  const waiting: (() => void)[] = []
  const callers = createCallerLimit()

  /**
   * Counts a call from its look-up to the end of its response.
   *
   * @returns moves it to the deployment that took the place of the one that it began with
   */
  function count(incoming: Incoming, upstream: Upstream, begin: number): (to: Upstream) => void {
    const { res } = incoming
    let current = upstream
    table.enter(upstream)
    const leave = open.add(res)
    metrics.started(upstream.label)
    tally.began(upstream)
    res.on('close', () => {
      table.leave(current)
      const status = statusOf(incoming)
      const seconds = (performance.now() - begin) / 1000
      metrics.ended(upstream.label, status, seconds)
      tally.ended(upstream, status, seconds)
      leave()
      if (open.isEmpty()) for (const resolve of waiting.splice(0)) resolve()
    })
    return (to) => {
      if (to === current) return
      table.enter(to)
      table.leave(current)
      current = to
    }
  }

  /** Nobody can answer yet: the call is passed on when somebody can. */
  function hold({ res }: Incoming, upstream: Upstream, facts: CallFacts, goOn: (to: Upstream) => void): void {
    const drop = waking.hold(upstream, (outcome) => {
      if (outcome instanceof Failure) answerFailure(res, outcome, callHeaders(facts))
      else goOn(outcome)
    })
    res.once('close', drop)
  }

  function refusalOf(req: IncomingMessage, isUpgrade: boolean, upstream: Upstream): Failure | null {
    if (Number(req.headers['content-length'] ?? 0) > bodyLimitBytes) return bodyTooLarge(bodyLimitBytes)
    if (isUpgrade && hasBody(req)) return new Failure('invalid-request', 'a WebSocket handshake has no body')
    return upstream.inFlight > inFlightLimit ? tooManyCalls(upstream.label, inFlightLimit) : null
  }

  /** Asked before keys are: who guesses them is held up, too. */
  function refusalOfMany(
    { req, inner }: Incoming,
    { ownerId, callsPerSecond }: Upstream,
    begin: number
  ): Failure | null {
    if (callsPerSecond === null) return null
    const caller = callerOf(req, inner === null ? isTrustedProxy : isNobody)
    const waitMs = callers.take(ownerId, caller, callsPerSecond, begin)
    return waitMs === 0 ? null : tooManyOfCaller(callsPerSecond, waitMs)
  }

  return {
    refusalOfMany,
    begin(incoming, address) {
      if (table.version() === null) throw notLoaded()
      const upstream = table.find(address, incoming.inner?.owner?.slug)
      if (upstream === null) throw noSuchFunction()
      const { req, res } = incoming
      const begin = performance.now()
      const move = count(incoming, upstream, begin)
      const facts = factsOf(incoming, isTrustedProxy, now())
      if (traces !== null) facts.traceparent = trace(incoming, traces.begin(req, upstream, facts.callId))
      const tooMany = refusalOfDepth(facts) ?? refusalOfMany(incoming, upstream, begin)
      if (tooMany !== null) {
        answerFailure(res, tooMany, callHeaders(facts))
        return
      }
      const stranger = refusalOfCaller(incoming, upstream, table.keys(), facts.startedAt)
      if (stranger !== null) {
        answerFailure(res, stranger, [...callHeaders(facts), ...challenge])
        return
      }
      const refusal = refusalOf(req, incoming.upgrade !== null, upstream)
      const pass = (to: Upstream) => {
        move(to)
        forward({ ...incoming, ...facts, upstream: to, target: address.target, begin }, { bodyLimitBytes, now })
      }
      if (refusal !== null) answerFailure(res, refusal, callHeaders(facts))
      else if (isAsleep(upstream)) hold(incoming, upstream, facts, pass)
      else pass(upstream)
    },
    cut: open.cut,
    idle: () => (open.isEmpty() ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)))
  }
}
