import type { IncomingMessage } from 'node:http'
import type { RouteInput, TriedView } from '@slipway/client'
import { Failure } from '@slipway/domain'
import { createLookups, type HandlerDeps, type Handlers } from './handling.ts'

const answerLimitBytes = 1024 * 1024
const timeoutMs = 60_000
/** What belongs to the connection, or would name somebody else's function. */
const ownHeaders =
  /^(?:host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect|forwarded|x-forwarded-.*|x-real-ip)$/i

/** Calls a function as anybody could, through the gateway, so that a page of this origin can show the answer. */
export function createTryHandlers(deps: HandlerDeps): Handlers<'tryFunction'> {
  const { gatewayUrl, now } = deps
  const { functionOf } = createLookups(deps)
  return {
    async tryFunction({ owner, name, ...asked }, _caller, signal) {
      const { clusterName, liveDeploymentId } = await functionOf({ owner, name })
      if (liveDeploymentId === null) throw new Failure('conflict', `${clusterName} is not live`)
      if (gatewayUrl === null) throw new Failure('conflict', 'no gateway is configured: set GATEWAY_PUBLIC_URL')
      return send(addressOf(gatewayUrl, clusterName, asked.path ?? '/'), asked, now, signal)
    }
  }
}

/** @throws Failure `invalid-request` for a path that leads to another function */
export function addressOf(gatewayUrl: string, clusterName: string, path: string): URL {
  const home = `${gatewayUrl}/function/${clusterName}`
  const url = URL.parse(`${home}${path}`)
  if (url === null || !url.href.startsWith(`${home}/`)) {
    throw new Failure('invalid-request', `${JSON.stringify(path)} is no path of this function`)
  }
  return url
}

type Asked = Pick<RouteInput<'tryFunction'>, 'method' | 'headers' | 'body'>

async function send(url: URL, asked: Asked, now: () => number, signal: AbortSignal): Promise<TriedView> {
  const at = now()
  const start = performance.now()
  const response = await request(url, asked, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
  const { body, isCut } = await read(response)
  const headers = Object.entries(response.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')])
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(headers) as Record<string, string>,
    body,
    isCut,
    at,
    durationMs: performance.now() - start
  }
}

function request(url: URL, { method, headers = {}, body }: Asked, signal: AbortSignal): Promise<IncomingMessage> {
  const { request } =
    url.protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
  const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => !ownHeaders.test(name)))
  return new Promise((resolve, reject) => {
    const failed = (err: unknown) => reject(new Failure('bad-gateway', 'the gateway did not answer', { cause: err }))
    try {
      const call = request(url, { method, headers: sent, signal })
      call.once('response', resolve)
      call.once('error', failed)
      call.end(body)
    } catch (err) {
      reject(new Failure('invalid-request', 'a header is not one that HTTP allows', { cause: err }))
    }
  })
}

async function read(response: IncomingMessage): Promise<{ body: string; isCut: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > answerLimitBytes) break
    }
  } catch (err) {
    throw new Failure('bad-gateway', 'the answer broke off', { cause: err })
  }
  const body = Buffer.concat(chunks).subarray(0, answerLimitBytes).toString()
  return { body, isCut: bytes > answerLimitBytes }
}
