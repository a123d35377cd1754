import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Server, ServerResponse } from 'node:http'
import { createStatusApi, type RouteOutput } from '@slipway/client'
import { Failure } from '@slipway/domain'

// An import would load Node's fetch, too.
const { createServer } = process.getBuiltinModule('node:http')

export interface BrowserLogin {
  /** Of the installation. */
  url: string
  /** What this machine calls itself. */
  host: string
  scope: 'read' | 'deploy' | 'admin'
  days: number
  /** Whose token is wanted; undefined: that is chosen in the page. */
  owner: string | undefined
  /** Shows the page's address to somebody. */
  show(address: string): void
  /** For so long somebody may take to confirm. */
  waitMs: number
}

type Redeemed = RouteOutput<'redeemTerminalTicket'>

const newWord = () => randomBytes(32).toString('base64url')

/**
 * Signs in by the page `/terminal` (RFC 8252 with PKCE): the browser brings a ticket to a port of this machine, which is worth
 * nothing without the verifier that only this process has.
 *
 * @throws Failure `cancelled` by the page, `timed-out` when nobody confirmed, or as the ticket is refused
 */
export async function loginByBrowser({ url, host, scope, days, owner, show, waitMs }: BrowserLogin): Promise<Redeemed> {
  const verifier = newWord()
  const state = newWord()
  const api = createStatusApi({ url, token: null })
  const outcome = Promise.withResolvers<Redeemed>()
  let isTaken = false

  async function take(asked: URL | null, response: ServerResponse): Promise<void> {
    const ticket = asked?.searchParams.get('ticket') ?? null
    if (asked?.pathname !== '/' || !isSame(asked.searchParams.get('state') ?? '', state)) {
      // Any page can send a browser here: this one is not heard, and the one that was opened goes on.
      return say(response, 400, 'This is not the sign-in that the terminal waits for.')
    }
    if (isTaken) return say(response, 400, 'This was answered already: look into the terminal.')
    isTaken = true
    try {
      if (ticket === null) throw new Failure('cancelled', 'it was cancelled in the browser: you are not signed in')
      const redeemed = await api.redeemTerminalTicket({ ticket, verifier })
      await say(response, 200, 'You are signed in. Close this page and go on in the terminal.')
      outcome.resolve(redeemed)
    } catch (err) {
      await say(response, 400, err instanceof Failure ? err.message : 'This did not work: look into the terminal.')
      outcome.reject(err)
    }
  }

  const server = createServer((request, response) => {
    void take(URL.parse(request.url ?? '/', 'http://127.0.0.1'), response)
  })
  const port = await listen(server)
  const minutes = Math.ceil(waitMs / 60_000)
  const tooLate = new Failure('timed-out', `nobody confirmed in the browser within ${minutes} minutes: start again`)
  const timer = setTimeout(() => outcome.reject(tooLate), waitMs)
  try {
    const question = new URLSearchParams({
      challenge: createHash('sha256').update(verifier).digest('base64url'),
      state,
      port: String(port),
      host: host.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 60) || 'unknown',
      scope,
      expiresInDays: String(days),
      ...(owner === undefined ? {} : { owner })
    })
    show(`${url}/terminal?${question.toString()}`)
    return await outcome.promise
  } finally {
    clearTimeout(timer)
    server.close()
    server.closeAllConnections()
  }
}

/** On this machine alone, wherever there is room. */
function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (typeof address === 'object' && address !== null) resolve(address.port)
    })
  })
}

function isSame(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Resolves once it was sent: the connection ends with the command. */
function say(response: ServerResponse, status: number, words: string): Promise<void> {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    connection: 'close'
  })
  return new Promise((resolve) => {
    // Somebody who went away hears nothing, and is not waited for.
    if (response.destroyed) return resolve()
    response.once('close', resolve)
    response.end(`${words}\n`)
  })
}
