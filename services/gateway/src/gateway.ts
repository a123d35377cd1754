import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Failure } from '@slipway/domain/failure'
import type { Logger } from '@slipway/service/logger'
import { type Address, noSuchFunction, readAddress } from './address.ts'
import { answerFailure, answerSocket } from './answers.ts'
import type { AcceptCall } from './async/accept.ts'
import { hasBody, type Incoming } from './call.ts'
import type { Calls } from './calls.ts'
import type { InnerCallers } from './inner.ts'
import { isSystemPath, type SystemProxy } from './system.ts'
import { isWebSocket, responseForUpgrade } from './upgrade.ts'

const { createServer } = process.getBuiltinModule('node:http') // see CONTRIBUTING.md, "Small processes"

export interface GatewayOptions {
  calls: Calls
  /** Answers what is asked of the gateway itself. */
  own: (req: IncomingMessage, res: ServerResponse, path: string) => void
  /** Takes a call that nobody waits for. */
  accept: AcceptCall
  /** Answers what manages functions. */
  system: SystemProxy
  /** Connections from inside of owners' networks. */
  innerCallers: Pick<InnerCallers, 'get'>
  domain: string
  headTimeoutMs: number
  logger: Logger
}

/** The traffic's listener. It holds nothing but what is in flight. */
export interface Gateway {
  server: Server
  /** Every answer from now on ends its connection. */
  announceClose(): void
}

/** How long the rest of a body is read after its answer was given: a caller that still sends would not see the answer. */
const lingerMs = 1000

export function createGateway(options: GatewayOptions): Gateway {
  const { calls, own, accept, system, innerCallers, domain, headTimeoutMs, logger } = options
  const server = createServer({
    // Bodies may stream for long: each call's own limit ends them. Heads may not.
    headersTimeout: headTimeoutMs,
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(2000, headTimeoutMs),
    // Longer than what a proxy in front keeps idle connections (60 s mostly), so that it closes them, not we.
    keepAliveTimeout: 65_000,
    maxHeaderSize: 32 * 1024,
    shouldUpgradeCallback: isWebSocket,
    // Most calls have no body: no stream is made ready, read and ended for nothing.
    optimizeEmptyRequests: true
  })
  // Headers beyond a count would be dropped silently, a second Host among them; their bytes are limited.
  server.maxHeadersCount = 0
  /** Requests of a connection that are not answered yet. */
  const pending = new WeakMap<Duplex, number>()
  const isPending = (socket: Duplex) => (pending.get(socket) ?? 0) > 0
  let isClosing = false

  function serve(came: Omit<Incoming, 'inner'>): void {
    const { req, res } = came
    const incoming = {
      req,
      res,
      isExpecting: came.isExpecting,
      upgrade: came.upgrade,
      inner: innerCallers.get(req.socket) ?? null
    }
    if (isClosing) res.shouldKeepAlive = false
    pending.set(req.socket, (pending.get(req.socket) ?? 0) + 1)
    res.on('close', () => pending.set(req.socket, (pending.get(req.socket) ?? 1) - 1))
    if (hasBody(req)) res.once('finish', () => readRest(req))
    try {
      const address = readRequest(req, domain)
      if (address.kind === 'own' && incoming.inner !== null) throw noSuchFunction()
      if (address.kind === 'own' && isSystemPath(address.path)) system(incoming)
      else if (address.kind === 'own') own(req, res, address.path)
      else if (address.isAsync === true) accept(incoming, address)
      else calls.begin(incoming, address)
    } catch (err) {
      if (!(err instanceof Failure)) logger.error({ err }, 'a request could not be served')
      answerFailure(res, err instanceof Failure ? err : new Failure('unavailable', 'internal error', { cause: err }))
    }
  }

  server.on('request', (req, res) => serve({ req, res, isExpecting: false, upgrade: null }))
  server.on('checkContinue', (req, res) => serve({ req, res, isExpecting: true, upgrade: null }))
  server.on('checkExpectation', (_req, res) => {
    answerFailure(res, new Failure('invalid-request', 'only "Expect: 100-continue" can be met'))
  })
  server.on('upgrade', (req, socket, head) => {
    // Behind a request whose answer is not out yet the two would mix.
    if (isPending(socket)) socket.destroy()
    else serve({ req, res: responseForUpgrade(req, socket), isExpecting: false, upgrade: { socket, head } })
  })
  server.on('connect', (_req, socket) => {
    answerSocket(socket, 400, 'Bad Request', 'invalid-request', 'this is not a proxy: CONNECT is not served')
  })
  server.on('clientError', (err: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || isPending(socket) || err.code === 'ECONNRESET') socket.destroy()
    else answerUnreadable(err, socket)
  })

  return {
    server,
    announceClose() {
      isClosing = true
    }
  }
}

function readRequest(req: IncomingMessage, domain: string): Address {
  let hosts = 0
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  if (hosts > 1) throw new Failure('invalid-request', 'the request has more than one Host header')
  return readAddress(req.headers.host, req.url ?? '', domain)
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
