import type { IncomingMessage } from 'node:http'

const { request: requestPlain } = process.getBuiltinModule('node:http')
const { request: requestSecure } = process.getBuiltinModule('node:https')

export interface CallOptions {
  method?: string
  headers?: Record<string, string>
  body?: string | null
  redirect?: 'follow' | 'error'
  signal?: AbortSignal
}

/** What calls to forges use of a `Response`. */
export interface CallAnswer {
  ok: boolean
  status: number
  statusText: string
  url: string
  headers: { get(name: string): string | null; [Symbol.iterator](): Iterator<[string, string]> }
  body: AsyncIterable<Uint8Array> | null
  text(): Promise<string>
  arrayBuffer(): Promise<ArrayBuffer>
}

/** What calls to forges use of `fetch`. */
export type CallFetch = (url: string | URL, options: CallOptions) => Promise<CallAnswer>

const redirectLimit = 5

/**
 * `fetch` for calls to forges, by Node's own HTTP client, which every service has loaded: Node's `fetch` is another client, of which a
 * process that once called it keeps some 15 MiB. Answers are whole when they are handed out; connections are kept as Node's agents do.
 */
export const leanFetch: CallFetch = (url, options) => follow(new URL(url), options, redirectLimit)

async function follow(url: URL, options: CallOptions, redirects: number): Promise<CallAnswer> {
  const { response, bytes } = await call(url, options)
  const target = redirectOf(url, response)
  if (target === null) return answerOf(url, response, bytes)
  if (options.redirect === 'error' || redirects === 0) throw new Error(`unexpected redirect to ${target.origin}`)
  const method = options.method ?? 'GET'
  const keepsMethod = ['GET', 'HEAD'].includes(method) || [307, 308].includes(response.statusCode ?? 0)
  if (!keepsMethod) throw new Error(`${method} was redirected with status ${response.statusCode}`)
  // Whoever is sent elsewhere takes no token along.
  const headers = Object.entries(options.headers ?? {}).filter(
    ([name]) =>
      target.origin === url.origin || !['authorization', 'private-token', 'cookie'].includes(name.toLowerCase())
  )
  return await follow(target, { ...options, headers: Object.fromEntries(headers) }, redirects - 1)
}

function redirectOf(url: URL, { statusCode = 0, headers: { location } }: IncomingMessage): URL | null {
  if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) return null
  const target = new URL(location, url)
  if (!/^https?:$/.test(target.protocol)) throw new Error(`a redirect to ${target.protocol}`)
  return target
}

function call(url: URL, { method = 'GET', headers, body, signal }: CallOptions) {
  const request = url.protocol === 'https:' ? requestSecure : requestPlain
  return new Promise<{ response: IncomingMessage; bytes: Buffer }>((resolve, reject) => {
    const outgoing = request(url, {
      method,
      headers: { 'user-agent': 'slipway', accept: '*/*', ...headers },
      ...(signal === undefined ? {} : { signal })
    })
    // Not `once`: one may come after another, when the signal aborts.
    outgoing.on('error', (err) => reject(spoken(err)))
    outgoing.once('response', (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('error', reject)
      response.once('end', () => resolve({ response, bytes: Buffer.concat(parts) }))
    })
    outgoing.end(body ?? undefined)
  })
}

/** Where several addresses were tried, Node's error says nothing by itself. */
function spoken(err: Error): Error {
  if (err.message !== '' || !(err instanceof AggregateError)) return err
  return new Error(err.errors.map((one) => (one instanceof Error ? one.message : String(one))).join(', '), {
    cause: err
  })
}

function answerOf(url: URL, response: IncomingMessage, bytes: Buffer): CallAnswer {
  const { statusCode: status = 0, statusMessage: statusText = '' } = response
  const headers = new Map(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? '')
    ])
  )
  return {
    ok: status >= 200 && status < 300,
    status,
    statusText,
    url: url.href,
    headers: { get: (name) => headers.get(name.toLowerCase()) ?? null, [Symbol.iterator]: () => headers.entries() },
    body: inOnePiece(bytes),
    text: async () => bytes.toString('utf8'),
    arrayBuffer: async () => new Uint8Array(bytes).buffer
  }
}

async function* inOnePiece(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes
}
