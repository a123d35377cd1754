import type { IncomingMessage } from 'node:http'
import { setsOwnCookie, withoutOwnCookies } from './own-cookies.ts'
import { plainAddress } from './peers.ts'

/** Of one connection only, never passed on. `expect` is answered by the gateway itself. */
const hopByHop = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
])

/** What the gateway itself says about a call: nobody else's word for it reaches a function. */
const ours = new Set([
  'x-call-id',
  'x-call-depth',
  'x-start-time',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host'
])

export interface CallFacts {
  callId: string
  /** Epoch milliseconds. */
  startedAt: number
  /** The peer is a trusted proxy: what it says of the client is believed and added to. */
  isTrusted: boolean
  /** How many functions have passed it on, as far as they told; 0: it came from outside. */
  depth: number
  /** Of the call's own span; null: what the caller gave is passed on. */
  traceparent: string | null
  /** Names of headers that hold keys for the gateway, in lower case. */
  keyHeaders: readonly string[]
}

/** The id that the caller gave, as OpenFaaS keeps it, if it is fit for headers and logs; null otherwise. */
export function givenCallId(req: IncomingMessage): string | null {
  const given = req.headers['x-call-id']
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : null
}

const depthHeader = 'X-Call-Depth'

/** Of a call that a function makes: one more than of the call that it answers, if it passes that one's header on. */
export function innerDepth(req: IncomingMessage): number {
  const given = req.headers['x-call-depth']
  return typeof given === 'string' && /^\d{1,4}$/.test(given) ? Number(given) + 1 : 1
}

/** The headers that a function gets, flat: name, value, name, value. */
export function requestHeaders(req: IncomingMessage, call: CallFacts): string[] {
  const named = namedByConnection(req.headers.connection)
  const headers: string[] = []
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i] as string
    const lower = name.toLowerCase()
    // CGI-like servers read `_` as `-`.
    const plain = lower.includes('_') ? lower.replaceAll('_', '-') : lower
    if (hopByHop.has(lower) || named?.has(lower) || ours.has(plain)) continue
    if (call.keyHeaders.length > 0 && call.keyHeaders.includes(plain)) continue
    if (!call.isTrusted && isAboutClient(plain)) continue
    if (call.traceparent !== null && plain === 'traceparent') continue
    const value = req.rawHeaders[i + 1] as string
    const passed = plain === 'cookie' ? withoutOwnCookies(value) : value
    if (passed !== null) headers.push(name, passed)
  }
  const peer = plainAddress(req.socket.remoteAddress ?? '')
  const told = (name: string) => (call.isTrusted ? joined(req.headers[name]) : undefined)
  const forwardedFor = told('x-forwarded-for')
  headers.push(
    'X-Forwarded-For',
    forwardedFor === undefined ? peer : `${forwardedFor}, ${peer}`,
    'X-Forwarded-Proto',
    told('x-forwarded-proto') ?? 'http',
    'X-Forwarded-Host',
    // HTTP/1.0 may come without a host.
    told('x-forwarded-host') ?? req.headers.host ?? 'localhost',
    'X-Call-Id',
    call.callId,
    'X-Start-Time',
    startTime(call)
  )
  if (call.traceparent !== null) headers.push('traceparent', call.traceparent)
  if (call.depth > 0) headers.push(depthHeader, String(call.depth))
  return headers
}

/** The headers that `api` gets: it is called by this gateway, and no session of a browser reaches it by this way. */
export function passedToApi(req: IncomingMessage, host: string): string[] {
  const named = namedByConnection(req.headers.connection)
  const headers = ['Host', host]
  // By itself a DELETE would be sent without a frame for its body.
  if (req.headers['transfer-encoding'] !== undefined) headers.push('Transfer-Encoding', 'chunked')
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i] as string
    const lower = name.toLowerCase()
    if (hopByHop.has(lower) || named?.has(lower) || lower === 'cookie' || lower === 'host') continue
    if (isAboutClient(lower) || ours.has(lower)) continue
    headers.push(name, req.rawHeaders[i + 1] as string)
  }
  return headers
}

function isAboutClient(name: string): boolean {
  return name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip'
}

/** The headers that a caller gets. `raw` are the function's, flat. */
export function responseHeaders(raw: readonly Buffer[], call: CallFacts, seconds: number): string[] {
  const pairs: string[] = []
  let named: Set<string> | null = null
  let hasDuration = false
  for (let i = 0; i < raw.length; i += 2) {
    const name = text(raw[i])
    const lower = name.toLowerCase()
    if (lower === 'connection') named = namedByConnection(text(raw[i + 1]), named)
    if (hopByHop.has(lower) || lower === 'x-call-id' || lower === 'x-start-time') continue
    if (lower === 'x-duration-seconds') hasDuration = true
    if (lower === 'set-cookie' && setsOwnCookie(text(raw[i + 1]))) continue
    pairs.push(name, text(raw[i + 1]))
  }
  const headers = named === null ? pairs : withoutNamed(pairs, named)
  headers.push(...callHeaders(call))
  if (!hasDuration) headers.push('X-Duration-Seconds', seconds.toFixed(6))
  return headers
}

/** On every answer to a call, the gateway's own refusals included. */
export function callHeaders(call: CallFacts): string[] {
  return ['X-Call-Id', call.callId, 'X-Start-Time', startTime(call)]
}

/** Trailers that may be passed on: none that frame or route. */
export function trailerPairs(trailers: Record<string, string | string[] | undefined>): [string, string][] {
  return Object.entries(trailers).flatMap(([name, value]): [string, string][] =>
    hopByHop.has(name) || name === 'content-length' || name === 'host' || value === undefined
      ? []
      : [value].flat().map((one) => [name, one])
  )
}

/** Nanoseconds since 1970, as OpenFaaS writes it. */
function startTime(call: CallFacts): string {
  return `${call.startedAt}000000`
}

function namedByConnection(value: string | undefined, into: Set<string> | null = null): Set<string> | null {
  if (value === undefined || value === 'keep-alive' || value === 'close') return into
  const named = into ?? new Set()
  for (const name of value.split(',')) named.add(name.trim().toLowerCase())
  return named
}

function withoutNamed(pairs: string[], named: Set<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i < pairs.length; i += 2) {
    if (!named.has((pairs[i] as string).toLowerCase())) kept.push(pairs[i] as string, pairs[i + 1] as string)
  }
  return kept
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

function text(bytes: Buffer | undefined): string {
  return bytes?.toString('latin1') ?? ''
}
