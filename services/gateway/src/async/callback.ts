import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain/failure'
import type { Result } from './perform.ts'

/** What a result is sent with, as OpenFaaS does. */
export interface CallbackFacts {
  callId: string
  /** `<function>.<slug>` */
  functionName: string
  /** Epoch milliseconds. */
  startedAt: number
}

export interface CallbackOptions {
  /** Addresses of this machine may be called, too. */
  isLoopbackAllowed: boolean
  timeoutMs?: number
  /** Between the tries; as many more as there are. */
  waitsMs?: readonly number[]
}

export type SendResult = (url: URL, result: Result, facts: CallbackFacts, signal: AbortSignal) => Promise<void>

/** @throws Failure `invalid-request` for what no result is sent to, whatever it resolves to */
export function parseCallback(text: string): URL {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || text.length > 2048) {
    throw new Failure('invalid-request', 'X-Callback-Url must be an address like https://example.com/path')
  }
  if (url.username !== '' || url.password !== '') {
    throw new Failure('invalid-request', 'X-Callback-Url must not hold a user name or password')
  }
  return url
}

export function callbackHeaders(result: Result, { callId, functionName, startedAt }: CallbackFacts): string[] {
  const ours = /^(?:x-call-id|x-start-time|x-duration-seconds|x-function-.*|content-length|host)$/i
  const headers: string[] = []
  for (let i = 0; i < result.headers.length; i += 2) {
    const name = result.headers[i] as string
    if (!ours.test(name)) headers.push(name, result.headers[i + 1] as string)
  }
  headers.push(
    'X-Call-Id',
    callId,
    'X-Function-Name',
    functionName,
    'X-Function-Status',
    String(result.status),
    'X-Duration-Seconds',
    result.seconds.toFixed(6),
    'X-Start-Time',
    `${startedAt}000000`,
    'Content-Length',
    String(result.body.length)
  )
  return headers
}

/**
 * Only public addresses are connected to: each is looked at after its name was resolved, at the moment of connecting, so that no later
 * answer of a name server gets past it. Redirects are not followed, so nothing leads elsewhere.
 */
export function createSendResult({
  isLoopbackAllowed,
  timeoutMs = 10_000,
  waitsMs = [1000, 5000]
}: CallbackOptions): SendResult {
  async function send(url: URL, result: Result, facts: CallbackFacts, signal: AbortSignal): Promise<void> {
    const { useAgent } = await import('request-filtering-agent')
    const agent = useAgent(url.href, {
      keepAlive: false,
      ...(isLoopbackAllowed ? { allowIPAddressList: ['127.0.0.1', '::1'] } : {})
    })
    const { request } =
      url.protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const headers = ['Host', url.host, ...callbackHeaders(result, facts)]
    await new Promise<void>((resolve, reject) => {
      const call = request(url, { method: 'POST', headers, agent, signal: limit }, (answer) => {
        const status = answer.statusCode ?? 0
        // Nothing of the answer is looked at: it may be endless.
        answer.on('error', () => answer.destroy()).destroy()
        if (status >= 200 && status < 300) resolve()
        else reject(new Failure('bad-gateway', `the callback answered ${status}`))
      })
      call.on('error', (err) => {
        const isFiltered = err.message.includes('is not allowed')
        const words = isFiltered ? 'callbacks go to public addresses alone' : 'the callback could not be reached'
        reject(new Failure(isFiltered ? 'forbidden' : 'bad-gateway', words, { cause: err }))
      })
      call.end(result.body)
    })
  }

  return async (url, result, facts, signal) => {
    for (let made = 0; ; made += 1) {
      try {
        await send(url, result, facts, signal)
        return
      } catch (err) {
        const wait = waitsMs[made]
        signal.throwIfAborted()
        if (wait === undefined || !(err instanceof Failure) || !err.retry) throw err
        await sleep(wait, undefined, { signal })
      }
    }
  }
}
