import type { IncomingMessage } from 'node:http'
import { Failure } from '@slipway/domain'
import Type, { type Static, type TSchema } from 'typebox'
import Value from 'typebox/value'

const http = process.getBuiltinModule('node:http')
const https = process.getBuiltinModule('node:https')

/** Who Slipway is to the gateway; null: it asks nobody. */
export type OpenFaasCredential = { username: string; password: string } | { token: string } | null

export interface ClientOptions {
  /** The gateway's address; a path before its own is kept. */
  address: URL
  credential: OpenFaasCredential
}

export interface Asked {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  query?: Record<string, string>
  body?: unknown
}

export interface Told {
  status: number
  text: string
}

/** One connection's worth of talk with an OpenFaaS gateway. */
export interface OpenFaasClient {
  /** What the gateway said, whatever it was. @throws Failure `unavailable` when it did not answer; `forbidden` when it does not know us */
  ask(asked: Asked, signal: AbortSignal): Promise<Told>
  /** An answer whose body is read as it comes. */
  open(asked: Asked, signal: AbortSignal): Promise<IncomingMessage>
  /** The status of a GET below the gateway; null when it did not answer in time. */
  probe(path: string, timeoutMs: number, signal: AbortSignal): Promise<number | null>
}

/** For a gateway that takes the connection, and then says nothing. */
const silenceMs = 60_000
const connectMs = 5000
/** Of an answer that lists functions; more is no list that anybody has. */
const answerLimitBytes = 64 * 1024 * 1024

export function createClient({ address, credential }: ClientOptions): OpenFaasClient {
  const isSecure = address.protocol === 'https:'
  const authorization = authorizationOf(credential)

  function start({ method, path, query, body }: Asked, isKnown: boolean, signal: AbortSignal) {
    const url = new URL(address)
    url.pathname = `${address.pathname.replace(/\/+$/, '')}${path}`
    url.search = new URLSearchParams(query).toString()
    const text = body === undefined ? null : JSON.stringify(body)
    return new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = (isSecure ? https : http).request(url, {
        method,
        // A connection that is kept may be closed by the other side at the moment of the next question.
        agent: false,
        signal,
        timeout: silenceMs,
        headers: {
          'user-agent': 'slipway',
          ...(isKnown && authorization !== null ? { authorization } : {}),
          ...(text === null
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) })
        }
      })
      const slow = setTimeout(() => outgoing.destroy(new Error('the connection was not made in time')), connectMs)
      outgoing.once('socket', (socket) => {
        if (!socket.connecting) clearTimeout(slow)
        socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(slow))
      })
      outgoing.once('timeout', () => outgoing.destroy(new Error('the gateway said nothing')))
      // Not `once`: one may come after another, when the signal aborts.
      outgoing.on('error', (err) => {
        clearTimeout(slow)
        reject(signal.aborted ? signal.reason : err)
      })
      outgoing.once('response', resolve)
      outgoing.end(text)
    })
  }

  async function open(asked: Asked, signal: AbortSignal): Promise<IncomingMessage> {
    signal.throwIfAborted()
    try {
      return await start(asked, true, signal)
    } catch (err) {
      if (signal.aborted) throw signal.reason
      throw new Failure('unavailable', `the OpenFaaS gateway at ${address.host} does not answer: ${wordsOf(err)}`, {
        cause: err
      })
    }
  }

  return {
    open,
    async ask(asked, signal) {
      const response = await open(asked, signal)
      const text = await textOf(response).catch((err: unknown) => {
        if (signal.aborted) throw signal.reason
        throw new Failure('unavailable', `the OpenFaaS gateway at ${address.host} broke off its answer`, { cause: err })
      })
      const status = response.statusCode ?? 0
      if (status === 401 || status === 403) {
        throw new Failure(
          'forbidden',
          `the OpenFaaS gateway at ${address.host} answered ${status} to ${asked.method} ${asked.path}: look at OPENFAAS_USERNAME and OPENFAAS_PASSWORD, or OPENFAAS_TOKEN`
        )
      }
      return { status, text }
    },
    async probe(path, timeoutMs, signal) {
      const limit = AbortSignal.timeout(timeoutMs)
      try {
        const response = await start({ method: 'GET', path }, false, AbortSignal.any([signal, limit]))
        // The status is all that is asked.
        response.destroy()
        return response.statusCode ?? 0
      } catch (err) {
        if (signal.aborted) throw signal.reason
        if (err instanceof Error) return null
        throw err
      }
    }
  }
}

/** An answer of 200 as what it should be. @throws Failure `bad-gateway` */
export function read<S extends TSchema>(schema: S, { status, text }: Told, what: string): Static<S> {
  if (status === 200) {
    const value: unknown = parsed(text)
    if (Value.Check(schema, value)) return value
  }
  throw new Failure('bad-gateway', `could not ${what}: the OpenFaaS gateway answered ${status}, ${inShort(text)}`)
}

/** What the gateway said, short enough for a sentence. */
export function inShort(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line === '' ? 'without a word' : JSON.stringify(line.length > 500 ? `${line.slice(0, 500)}…` : line)
}

/** undefined: it is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (err) {
    if (err instanceof SyntaxError) return undefined
    throw err
  }
}

function authorizationOf(credential: OpenFaasCredential): string | null {
  if (credential === null) return null
  if ('token' in credential) return `Bearer ${credential.token}`
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > answerLimitBytes) throw new Error(`the answer has more than ${answerLimitBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** Where several addresses were tried, Node's error says nothing by itself. */
function wordsOf(err: unknown): string {
  if (err instanceof AggregateError) return err.errors.map(wordsOf).join(', ')
  return err instanceof Error ? err.message : String(err)
}

/** A function as the gateway tells of it: what is used of it. Gateways leave out what is empty, or say null. */
export const FunctionStatus = Type.Object({
  name: Type.String(),
  namespace: Type.Optional(Type.String()),
  image: Type.String(),
  labels: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
  annotations: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
  secrets: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
  replicas: Type.Optional(Type.Number()),
  availableReplicas: Type.Optional(Type.Number()),
  createdAt: Type.Optional(Type.String())
})
export type FunctionStatus = Static<typeof FunctionStatus>

const Version = Type.Optional(
  Type.Union([Type.Object({ release: Type.Optional(Type.String()), sha: Type.Optional(Type.String()) }), Type.Null()])
)
export const Info = Type.Object({
  provider: Type.Optional(
    Type.Union([
      Type.Object({
        provider: Type.Optional(Type.String()),
        orchestration: Type.Optional(Type.String()),
        version: Version
      }),
      Type.Null()
    ])
  ),
  version: Version
})
export type Info = Static<typeof Info>
