import { Failure, type FailureCode, failures, type LogChunk } from '@slipway/domain'
import type { BuildView } from './resources.ts'
import type { RouteContract } from './route-contract.ts'
import { type RouteInput, type RouteName, type RouteOutput, routes } from './routes.ts'

/** Every route as a method, typed by the contract, and the streams. */
export type StatusApi = {
  [N in RouteName]: (input: RouteInput<N>, signal?: AbortSignal) => Promise<RouteOutput<N>>
} & {
  /**
   * A build's log from after the given offset; with `follow` until the build has ended.
   * A lost connection is taken up again where it broke; several failures in a row end it.
   */
  followLog(
    buildId: string,
    options: { after?: number; follow: boolean },
    signal?: AbortSignal
  ): AsyncIterable<LogChunk>
  /**
   * Sends a folder to be deployed without git; answers once its build is queued.
   *
   * @param tar plain or in gzip
   */
  deployFolder(
    folder: { owner: string; name: string; message?: string; tar: AsyncIterable<Uint8Array>; isZipped: boolean },
    signal?: AbortSignal
  ): Promise<BuildView>
  /** The certificate that secrets are sealed with, as PEM. */
  sealingCertificate(signal?: AbortSignal): Promise<string>
  /** What a function's replicas print, as lines. */
  runtimeLog(
    owner: string,
    name: string,
    options: { follow: boolean; tail?: number },
    signal?: AbortSignal
  ): AsyncIterable<{ at: number; instance: string; stream: string; text: string }>
}

/** What is sent with a call. */
type Body = { type: string; content: string | AsyncIterable<Uint8Array> } | undefined

const reconnectLimit = 10

/**
 * A client of one installation's status API.
 *
 * @throws each call: Failure with the code that the API told, or `unavailable` when it does not answer.
 */
export function createStatusApi({
  url,
  token,
  fetch = globalThis.fetch
}: {
  url: string
  /** null: for what anybody may ask. */
  token: string | null
  fetch?: typeof globalThis.fetch
}): StatusApi {
  const base = url.replace(/\/$/, '')

  async function send(
    method: string,
    path: string,
    body: Body,
    accept: string,
    signal: AbortSignal | undefined
  ): Promise<Response> {
    let response: Response
    try {
      response = await fetch(`${base}${path}`, {
        method,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          accept,
          ...(body === undefined ? {} : { 'content-type': body.type })
        },
        // A stream is sent as it is made; that needs to be said.
        ...(body === undefined ? {} : { body: body.content as ReadableStream, duplex: 'half' }),
        ...(signal === undefined ? {} : { signal })
      })
    } catch (err) {
      if (signal?.aborted) throw err
      throw new Failure('unavailable', `Slipway does not answer at ${base}: is it running? (slipway up)`, {
        cause: err
      })
    }
    if (!response.ok) throw failureOf(response.status, await whole(response.text(), signal))
    return response
  }

  async function whole<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await answer
    } catch (err) {
      if (signal?.aborted) throw err
      throw new Failure('unavailable', `the answer broke off, or is not Slipway's: is it Slipway at ${base}?`, {
        cause: err
      })
    }
  }

  async function call(
    contract: RouteContract,
    input: Record<string, unknown>,
    signal: AbortSignal | undefined
  ): Promise<unknown> {
    const rest: Record<string, unknown> = { ...input }
    const path = contract.path.replaceAll(/:([a-zA-Z]+)/g, (_all, name: string) => {
      const value = String(rest[name])
      delete rest[name]
      return encodeURIComponent(value)
    })
    const query = new URLSearchParams()
    for (const name of Object.keys(contract.query?.properties ?? {})) {
      const value = rest[name] as string | number | boolean | undefined
      if (value !== undefined) query.set(name, String(value))
      delete rest[name]
    }
    const address = query.size === 0 ? path : `${path}?${query.toString()}`
    const response = await send(
      contract.method,
      address,
      contract.body === undefined ? undefined : { type: 'application/json', content: JSON.stringify(rest) },
      'application/json',
      signal
    )
    return whole(response.json(), signal)
  }

  async function* followLog(
    buildId: string,
    { after = 0, follow }: { after?: number; follow: boolean },
    signal?: AbortSignal
  ) {
    let offset = after
    for (let failed = 0; ; ) {
      try {
        const path = `/api/v1/builds/${encodeURIComponent(buildId)}/log?after=${offset}&follow=${follow}`
        const response = await send('GET', path, undefined, 'text/event-stream', signal)
        for await (const event of eventsOf(response)) {
          if (event.name === 'end') return
          const chunk = JSON.parse(event.data) as LogChunk
          offset = chunk.seq
          failed = 0
          yield chunk
        }
      } catch (err) {
        if (signal?.aborted || (err instanceof Failure && !err.retry)) throw err
        if (++failed >= reconnectLimit) throw err
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(100 * 2 ** failed, 3000)))
    }
  }

  async function* runtimeLog(
    owner: string,
    name: string,
    options: { follow: boolean; tail?: number },
    signal?: AbortSignal
  ) {
    const query = new URLSearchParams({
      follow: String(options.follow),
      ...(options.tail === undefined ? {} : { tail: String(options.tail) })
    })
    const path = `/api/v1/functions/${encodeURIComponent(owner)}/${encodeURIComponent(name)}/log?${query.toString()}`
    const response = await send('GET', path, undefined, 'text/event-stream', signal)
    for await (const event of eventsOf(response)) {
      if (event.name === 'end') return
      yield JSON.parse(event.data) as { at: number; instance: string; stream: string; text: string }
    }
  }

  const calls = Object.fromEntries(
    Object.entries(routes).map(([name, contract]) => [
      name,
      (input: Record<string, unknown>, signal?: AbortSignal) => call(contract, input, signal)
    ])
  )
  async function deployFolder(
    folder: Parameters<StatusApi['deployFolder']>[0],
    signal?: AbortSignal
  ): Promise<BuildView> {
    const { owner, name, message, tar, isZipped } = folder
    const query = new URLSearchParams({ name, ...(message === undefined ? {} : { message }) })
    const path = `/api/v1/owners/${encodeURIComponent(owner)}/deploys?${query.toString()}`
    const body = { type: isZipped ? 'application/gzip' : 'application/x-tar', content: tar }
    const response = await send('POST', path, body, 'application/json', signal)
    return whole(response.json() as Promise<BuildView>, signal)
  }

  async function sealingCertificate(signal?: AbortSignal): Promise<string> {
    const response = await send('GET', '/.well-known/slipway/seal.pem', undefined, 'text/plain', signal)
    return whole(response.text(), signal)
  }
  return { ...calls, followLog, runtimeLog, deployFolder, sealingCertificate } as unknown as StatusApi
}

/** Server-sent events of a response, as the HTML standard frames them. */
async function* eventsOf(response: Response): AsyncIterable<{ name: string; data: string }> {
  if (response.body === null) return
  let rest = ''
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const frames = (rest + text).split('\n\n')
    rest = frames.pop() ?? ''
    for (const frame of frames) {
      const field = (name: string) =>
        frame
          .split('\n')
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trimStart())
          .join('\n')
      const data = field('data')
      if (data !== '') yield { name: field('event') || 'message', data }
    }
  }
}

function failureOf(status: number, text: string): Failure {
  let problem: { code?: string; detail?: string } = {}
  try {
    problem = JSON.parse(text) as typeof problem
  } catch {
    problem = {} // not ours: a proxy in between, perhaps
  }
  const code = problem.code !== undefined && problem.code in failures ? (problem.code as FailureCode) : 'bad-gateway'
  return new Failure(code, problem.detail ?? `the status API answered ${status}`)
}
