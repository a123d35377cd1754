import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Failure } from '@slipway/domain/failure'
import type { Logger } from '@slipway/service/logger'
import { type Address, noSuchFunction, readAddress } from './address.ts'
import { answerFailure, answerSocket } from './answers.ts'
import { type Call, hasBody } from './call.ts'
import { forward } from './forward.ts'
import { callHeaders, givenCallId } from './headers.ts'
import type { GatewayMetrics } from './metrics.ts'
import type { IsPeer } from './peers.ts'
import { bodyTooLarge, notLoaded, tooManyCalls } from './refusals.ts'
import type { RouteTable } from './routes.ts'
import { isWebSocket, responseForUpgrade } from './upgrade.ts'

export interface GatewayOptions {
  table: RouteTable
  metrics: GatewayMetrics
  /** Answers what is asked of the gateway itself. */
  own: (req: IncomingMessage, res: ServerResponse, path: string) => void
  domain: string
  headTimeoutMs: number
  bodyLimitBytes: number
  inFlightLimit: number
  isTrustedProxy: IsPeer
  now: () => number
  logger: Logger
}

/** How long the rest of a body is read after its answer was given: a caller that still sends would not see the answer. */
const lingerMs = 1000

/** The traffic's listener. It holds nothing but what is in flight. */
export interface Gateway {
  server: Server
  /** Every answer from now on ends its connection. */
  announceClose(): void
  /** Ends every connection, whatever it has in flight. */
  cut(): void
  /** Resolves when no call is in flight. */
  idle(): Promise<void>
}

export function createGateway(options: GatewayOptions): Gateway {
  const { table, metrics, domain, bodyLimitBytes, inFlightLimit, now, logger } = options
  /** Requests of a connection that are not answered yet. */
  const pending = new WeakMap<Duplex, number>()
  /** Of the calls in flight. */
  const responses = new Set<ServerResponse>()
  let isClosing = false
  const waiting: (() => void)[] = []

  const server = createServer({
    // Bodies may stream for long: each call's own limit ends them. Heads may not.
    headersTimeout: options.headTimeoutMs,
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(2000, options.headTimeoutMs),
    // Longer than what a proxy in front keeps idle connections (60 s mostly), so that it closes them, not we.
    keepAliveTimeout: 65_000,
    maxHeaderSize: 32 * 1024,
    shouldUpgradeCallback: isWebSocket
  })
  // Headers beyond a count would be dropped silently, a second Host among them; their bytes are limited.
  server.maxHeadersCount = 0

  function serve(req: IncomingMessage, res: ServerResponse, isExpecting: boolean, upgrade: Call['upgrade']): void {
    if (isClosing) res.shouldKeepAlive = false
    pending.set(req.socket, (pending.get(req.socket) ?? 0) + 1)
    res.once('close', () => pending.set(req.socket, (pending.get(req.socket) ?? 1) - 1))
    if (hasBody(req)) res.once('finish', () => readRest(req))
    try {
      const address = readRequest(req)
      if (address.kind === 'own') options.own(req, res, address.path)
      else call(req, res, address, isExpecting, upgrade)
    } catch (err) {
      if (!(err instanceof Failure)) logger.error({ err }, 'a request could not be served')
      answerFailure(res, err instanceof Failure ? err : new Failure('unavailable', 'internal error', { cause: err }))
    }
  }

  function readRequest(req: IncomingMessage): Address {
    let hosts = 0
    for (let i = 0; i < req.rawHeaders.length; i += 2) {
      const name = req.rawHeaders[i] as string
      if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
    }
    if (hosts > 1) throw new Failure('invalid-request', 'the request has more than one Host header')
    return readAddress(req.headers.host, req.url ?? '', domain)
  }

  function call(
    req: IncomingMessage,
    res: ServerResponse,
    address: Exclude<Address, { kind: 'own' }>,
    isExpecting: boolean,
    upgrade: Call['upgrade']
  ): void {
    if (table.version() === null) throw notLoaded()
    const upstream = table.find(address)
    if (upstream === null) throw noSuchFunction()
    const begin = performance.now()
    const { label } = upstream
    table.enter(upstream)
    responses.add(res)
    metrics.started(label)
    res.once('close', () => {
      table.leave(upstream)
      const isAnswered = res.writableFinished || upgrade !== null
      metrics.ended(label, isAnswered ? res.statusCode : 499, (performance.now() - begin) / 1000)
      responses.delete(res)
      if (responses.size === 0) for (const resolve of waiting.splice(0)) resolve()
    })
    const facts = {
      callId: givenCallId(req) ?? randomUUID(),
      startedAt: now(),
      isTrusted: options.isTrustedProxy(req.socket.remoteAddress)
    }
    const refusal = refusalOf(req, upgrade !== null)
    if (refusal !== null) answerFailure(res, refusal, callHeaders(facts))
    else if (upstream.inFlight > inFlightLimit) {
      answerFailure(res, tooManyCalls(label, inFlightLimit), callHeaders(facts))
    } else {
      const made = { ...facts, req, res, upstream, target: address.target, begin, isExpecting, upgrade }
      forward(made, { bodyLimitBytes, now })
    }
  }

  function refusalOf(req: IncomingMessage, isUpgrade: boolean): Failure | null {
    if (Number(req.headers['content-length'] ?? 0) > bodyLimitBytes) return bodyTooLarge(bodyLimitBytes)
    if (isUpgrade && hasBody(req)) return new Failure('invalid-request', 'a WebSocket handshake has no body')
    return null
  }

  server.on('request', (req, res) => serve(req, res, false, null))
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => serve(req, res, true, null))
  server.on('checkExpectation', (_req: IncomingMessage, res: ServerResponse) => {
    answerFailure(res, new Failure('invalid-request', 'only "Expect: 100-continue" can be met'))
  })
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Behind a request whose answer is not out yet the two would mix.
    if ((pending.get(socket) ?? 0) > 0) socket.destroy()
    else serve(req, responseForUpgrade(req, socket), false, { socket, head })
  })
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    answerSocket(socket, 400, 'Bad Request', 'invalid-request', 'this is not a proxy: CONNECT is not served')
  })
  server.on('clientError', (err: NodeJS.ErrnoException, socket: Duplex) => {
    if (!socket.writable || (pending.get(socket) ?? 0) > 0 || err.code === 'ECONNRESET') socket.destroy()
    else answerUnreadable(err, socket)
  })

  return {
    server,
    announceClose() {
      isClosing = true
    },
    cut() {
      for (const res of responses) res.destroy()
      server.closeAllConnections()
    },
    idle: () => (responses.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)))
  }
}

function readRest(req: IncomingMessage): void {
  if (req.complete || req.destroyed) return
  req.resume()
  const timer = setTimeout(() => req.socket.destroy(), lingerMs)
  req.once('close', () => clearTimeout(timer))
}

function answerUnreadable(err: NodeJS.ErrnoException, socket: Duplex): void {
  if (err.code === 'HPE_HEADER_OVERFLOW') {
    answerSocket(socket, 431, 'Request Header Fields Too Large', 'invalid-request', 'the headers are too large')
  } else if (err.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    answerSocket(socket, 408, 'Request Timeout', 'request-timeout', 'the request head did not arrive in time')
  } else {
    answerSocket(socket, 400, 'Bad Request', 'invalid-request', 'the request is not valid HTTP/1.1')
  }
}
