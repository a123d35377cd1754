import { createHmac } from 'node:crypto'
import { Failure, type Notification, type SinkKind } from '@slipway/domain'

const { request: requestPlain } = process.getBuiltinModule('node:http')
const { request: requestSecure } = process.getBuiltinModule('node:https')

/** What of a sink is encrypted. */
export interface SinkAddress {
  url: string
  /** `whsec_…`; null for those that are not signed. */
  secret: string | null
}

export interface SendOptions {
  /** Addresses of this machine may be told, too. For trying it out. */
  isLoopbackAllowed: boolean
  timeoutMs: number
  now: () => number
}

export type Send = (
  kind: SinkKind,
  address: SinkAddress,
  notification: Pick<Notification, 'id' | 'message'>,
  signal: AbortSignal
) => Promise<void>

/** @throws Failure `invalid-request` for an address that nothing is sent to */
export function parseTarget(text: string, isLoopbackAllowed: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'https:' && !(isLoopbackAllowed && url.protocol === 'http:'))) {
    throw new Failure('invalid-request', 'the address must be one like https://example.com/path')
  }
  if (url.username !== '' || url.password !== '') {
    throw new Failure('invalid-request', 'the address must not hold a user name or password: requests are signed')
  }
  return url
}

/**
 * Sends one message. Only public addresses are connected to: each is looked at after its name was resolved, at the moment of
 * connecting, so that no later answer of a name server gets past it. Redirects are not followed.
 */
export function createSend({ isLoopbackAllowed, timeoutMs, now }: SendOptions): Send {
  return async (kind, { url: text, secret }, { id, message }, signal) => {
    // Loaded by the first message: most installations send none.
    const { useAgent } = await import('request-filtering-agent')
    const url = parseTarget(text, isLoopbackAllowed)
    const body = kind === 'slack' ? JSON.stringify({ text: slackText(message.text) }) : JSON.stringify(message)
    const timestamp = String(Math.floor(now() / 1000))
    const signature = secret === null ? {} : { 'webhook-signature': signatureOf(secret, id, timestamp, body) }
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'slipway',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      ...signature
    }
    const agent = useAgent(url.href, {
      keepAlive: false,
      ...(isLoopbackAllowed ? { allowIPAddressList: ['127.0.0.1', '::1'] } : {})
    })
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const request = url.protocol === 'https:' ? requestSecure : requestPlain
    return new Promise<void>((resolve, reject) => {
      const req = request(url, { method: 'POST', headers, agent, signal: limit }, (res) => {
        const status = res.statusCode ?? 0
        // Nothing of the answer is looked at: it may be endless.
        res.on('error', () => res.destroy()).destroy()
        if (status >= 200 && status < 300) resolve()
        else reject(refused(status))
      })
      req.on('error', (err) => reject(limit.aborted ? tooSlow(timeoutMs, err) : unreachable(err)))
      req.end(body)
    })
  }
}

/** As Standard Webhooks say: HMAC-SHA-256 over id, time and body. */
export function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

/** Slack's three characters: nobody's text becomes a link or calls a channel. */
function slackText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function refused(status: number): Failure {
  const why = status >= 300 && status < 400 ? ': redirects are not followed, give the address that it leads to' : ''
  return new Failure('bad-gateway', `the other side answered ${status}${why}`)
}

function tooSlow(timeoutMs: number, cause: Error): Failure {
  return new Failure('gateway-timeout', `the other side had not answered after ${timeoutMs / 1000} s`, { cause })
}

/** In words of our own: the library's hold the address that was resolved, which is nobody's business outside. */
function unreachable(cause: Error): Failure {
  const isFiltered = /is not allowed/.test(cause.message)
  const code = 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : ''
  const message = isFiltered
    ? 'nothing is sent to addresses that are not public'
    : `the other side could not be reached${code}`
  return new Failure('bad-gateway', message, { cause })
}
