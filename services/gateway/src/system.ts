import type { ClientRequest, IncomingMessage } from 'node:http'
import { Failure } from '@slipway/domain/failure'
import { prefixes } from './address.ts'
import { answerFailure } from './answers.ts'
import { hasBody, type Incoming } from './call.ts'
import { passedToApi } from './headers.ts'

export type SystemProxy = (incoming: Incoming) => void

/** Scaling waits for replicas, and may be given the whole of this. */
const answerTimeoutMs = 120_000

/** OpenFaaS has one address for functions and for what manages them. */
export function isSystemPath(path: string): boolean {
  return path.startsWith(prefixes.system)
}

/**
 * Passes what manages functions on to `api`, which alone knows who may do what: nothing is decided here, and no cookie goes along.
 *
 * @param apiUrl null: nothing is passed on.
 */
export function createSystemProxy(apiUrl: string | null): SystemProxy {
  if (apiUrl === null) {
    return ({ res }) => answerFailure(res, new Failure('not-found', 'OpenFaaS’ API is not served here: set API_URL'))
  }
  const { protocol, host, hostname, port } = new URL(apiUrl)
  const { request } =
    protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')

  return ({ req, res, isExpecting }) => {
    const path = req.url ?? '/'
    const headers = passedToApi(req, host)
    const call: ClientRequest = request({ hostname, port, path, method: req.method ?? 'GET', headers })
    const timer = setTimeout(() => {
      fail(new Failure('gateway-timeout', `the status API had not answered after ${answerTimeoutMs} ms`))
    }, answerTimeoutMs)

    function fail(failure: Failure): void {
      call.destroy()
      answerFailure(res, failure)
    }
    call.once('response', (answer) => {
      clearTimeout(timer)
      passBack(answer)
    })
    call.once('error', (err) => {
      clearTimeout(timer)
      if (!res.destroyed) fail(new Failure('unavailable', 'the status API does not answer', { cause: err }))
    })
    res.once('close', () => {
      clearTimeout(timer)
      call.destroy()
    })
    if (!hasBody(req)) {
      call.end()
      return
    }
    if (isExpecting) res.writeContinue()
    req.once('error', () => call.destroy())
    req.pipe(call)

    function passBack(answer: IncomingMessage): void {
      res.writeHead(answer.statusCode ?? 502, passedBack(answer))
      res.flushHeaders()
      answer.once('error', () => res.destroy())
      answer.pipe(res)
    }
  }
}

function passedBack({ rawHeaders }: IncomingMessage): string[] {
  const headers: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (!/^(?:connection|keep-alive|transfer-encoding|set-cookie)$/i.test(name)) {
      headers.push(name, rawHeaders[i + 1] as string)
    }
  }
  return headers
}
