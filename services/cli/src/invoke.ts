import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Failure } from '@slipway/domain'

export interface InvokeOptions {
  method?: string
  /** `Name: value` */
  header: string[]
  path: string
  data?: string
  include?: boolean
  /** The call is left with the gateway, and its id is written. */
  async?: boolean
  /** Where the gateway sends the answer of a call that was left with it. */
  callback?: string
}

/** Calls a function and writes its answer as it comes. False: it answered with an error. */
export async function invoke(
  url: string,
  { method, header, path, data, include = false, async: isLeft = false, callback }: InvokeOptions,
  { input, output }: { input: Readable & { isTTY?: boolean }; output: Writable & { isTTY?: boolean } }
): Promise<boolean> {
  if (callback !== undefined && !isLeft) {
    throw new Failure('invalid-request', '--callback goes with --async: nobody waits for the answer then')
  }
  const body = data ?? (input.isTTY === true ? null : await whole(input))
  const hasBody = body !== null && body.length > 0
  const verb = (method ?? (hasBody || isLeft ? 'POST' : 'GET')).toUpperCase()
  if (hasBody && (verb === 'GET' || verb === 'HEAD')) {
    throw new Failure('invalid-request', `${verb} has no body: leave out the data, or name another method with -X`)
  }
  const target = `${isLeft ? leftAt(url) : url}${path === '' || /^[/?]/.test(path) ? path : `/${path}`}`
  const headers = header.map(pairOf)
  if (callback !== undefined) headers.push(['x-callback-url', callback])
  let response: Response
  try {
    response = await fetch(target, {
      method: verb,
      headers,
      redirect: 'manual',
      ...(hasBody ? { body } : {})
    })
  } catch (err) {
    throw new Failure('unavailable', `nothing answers at ${target}: "slipway status" says what is live`, { cause: err })
  }
  if (include) {
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`)
    output.write(`${[`HTTP ${response.status} ${response.statusText}`.trim(), ...lines, ''].join('\n')}\n`)
  }
  const callId = response.headers.get('x-call-id')
  if (isLeft && response.status === 202 && callId !== null) {
    output.write(`${callId}\n`)
    return true
  }
  if (response.body !== null) await pipeline(response.body, endedLine(output.isTTY === true), output, { end: false })
  return response.status < 400
}

/** On a terminal the prompt comes below an answer, not behind it; elsewhere the answer stays as it is. */
function endedLine(isTerminal: boolean) {
  return async function* (parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | string> {
    let last: number | undefined
    for await (const part of parts) {
      last = part.at(-1) ?? last
      yield part
    }
    if (isTerminal && last !== undefined && last !== 10) yield '\n'
  }
}

/** Where the gateway takes calls that nobody waits for. */
function leftAt(url: string): string {
  const left = url.replace(/\/function\/([^/]+)$/, '/async-function/$1')
  if (left !== url) return left
  throw new Failure('invalid-request', `${url} is no address at which calls can be left: only below /function/`)
}

function pairOf(header: string): [string, string] {
  const at = header.indexOf(':')
  if (at < 1) throw new Failure('invalid-request', `"${header}" is no header: write "Name: value"`)
  return [header.slice(0, at).trim(), header.slice(at + 1).trim()]
}

async function whole(input: Readable): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of input) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
