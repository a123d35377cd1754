import { Problem } from '@slipway/client'
import {
  accountAuditName,
  Failure,
  type IdentityProvider,
  type Session,
  type SignInSecrets,
  type Store
} from '@slipway/domain'
import type { Logger } from '@slipway/service'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { under } from '../access.ts'
import type { Claims } from './claims.ts'
import { createCookie } from './cookies.ts'
import { hashOf, newToken } from './one-time.ts'
import { addSignInPages, sendProblem } from './pages.ts'
import { type Place, returnPath } from './place.ts'
import type { Rights } from './rights-of.ts'
import type { BrowserSessions } from './sessions.ts'
import { addTerminalPage } from './terminal-page.ts'

export interface SignInRouteDeps {
  store: Pick<Store, 'accounts' | 'tickets' | 'audit'>
  providers: readonly IdentityProvider[]
  place: Place
  sessions: BrowserSessions
  rights: Rights
  claims: Claims
  now: () => number
  logger: Logger
  signalOf(reply: FastifyReply): AbortSignal
}

/** From being sent to the provider until being back. */
const beginMs = 10 * 60_000
const ticket = 'sign-in'
const perMinute = (max: number) => ({ rateLimit: { max, timeWindow: 60_000 } })
const door = under({ action: 'sign-in', on: 'public' }).config
const Done = Type.Object({ message: Type.String() })

/** What is kept of a sign-in until the browser is back. */
interface Begun {
  secrets: SignInSecrets
  returnTo: string
}

export function addSignInRoutes(app: FastifyInstance, deps: SignInRouteDeps): void {
  addSignInPages(app)
  addTerminalPage(app)
  addProviderRoutes(app, deps)
  addSessionRoutes(app, deps)
}

type ProviderRequest = FastifyRequest<{ Params: { provider: string }; Querystring: Record<string, unknown> }>

function addProviderRoutes(app: FastifyInstance, deps: SignInRouteDeps): void {
  const { store, providers, place, sessions, rights, now, logger, signalOf } = deps
  // Holds the browser that began to the one that comes back.
  const cookie = createCookie('slipway-sign-in', place)
  const callbackOf = (provider: IdentityProvider) => `${place.url()}/auth/${provider.id}/callback`

  function providerOf({ params }: ProviderRequest): IdentityProvider {
    const provider = providers.find(({ id }) => id === params.provider)
    if (provider === undefined) throw new Failure('not-found', 'there is no sign-in of that name here')
    return provider
  }

  async function start(request: ProviderRequest, reply: FastifyReply): Promise<FastifyReply> {
    const provider = providerOf(request)
    const elsewhere = place.elsewhere(request)
    if (elsewhere !== null) return reply.redirect(elsewhere)
    place.assertPrivate()
    const { address, secrets } = await provider.begin(callbackOf(provider), signalOf(reply))
    const browser = cookie.read(request) ?? newToken()
    const begun: Begun = { secrets, returnTo: returnPath(request.query.return) }
    const hash = hashOf(provider.id, secrets.state, browser)
    const at = now()
    await store.tickets.issue({ kind: ticket, hash, data: JSON.stringify(begun), expiresAt: at + beginMs }, at)
    cookie.set(reply, browser, beginMs)
    return reply.redirect(address)
  }

  async function callback(request: ProviderRequest, reply: FastifyReply): Promise<FastifyReply> {
    const provider = providerOf(request)
    const { state } = request.query
    const browser = cookie.read(request)
    const taken =
      typeof state === 'string' && browser !== null
        ? await store.tickets.take(ticket, hashOf(provider.id, state, browser), now())
        : null
    if (taken === null) {
      throw new Failure(
        'unauthenticated',
        'this sign-in was not begun in this browser, is over or was used: begin again'
      )
    }
    const { secrets, returnTo } = JSON.parse(taken) as Begun
    const signal = signalOf(reply)
    const came = new URL(callbackOf(provider))
    came.search = new URL(request.url, came).search
    const { person, credential } = await provider.complete(came, secrets, signal)
    const account = await store.accounts.signIn(provider.forgeId, person, now())
    await rights.take(account, provider, credential, signal)
    await sessions.open(request, reply, account.id)
    cookie.clear(reply)
    await store.audit.append({
      at: now(),
      actor: accountAuditName(account.login, account.forgeId),
      action: 'sign-in',
      ownerId: null,
      resource: `account/${account.id}`,
      detail: { provider: provider.id }
    })
    logger.info({ accountId: account.id, provider: provider.id }, 'signed in')
    return reply.redirect(returnTo, 303)
  }

  /** A browser is told in words what a program is told as a problem. */
  const inWords =
    (work: (request: ProviderRequest, reply: FastifyReply) => Promise<FastifyReply>) =>
    async (request: ProviderRequest, reply: FastifyReply): Promise<FastifyReply> => {
      reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer')
      try {
        return await work(request, reply)
      } catch (err) {
        if (!(err instanceof Failure)) throw err
        logger.info({ err, provider: request.params.provider }, 'a sign-in did not succeed')
        return sendProblem(reply, err.statusCode, err.message)
      }
    }

  app.get(
    '/auth/:provider/start',
    {
      config: { ...door, ...perMinute(60) },
      schema: {
        operationId: 'startSignIn',
        summary: 'Goes to where one signs in; ?return=/path says where to come back to'
      }
    },
    inWords(start)
  )
  app.get(
    '/auth/:provider/callback',
    {
      config: { ...door, ...perMinute(60) },
      schema: { operationId: 'finishSignIn', summary: 'Where the forge sends the browser back to' }
    },
    inWords(callback)
  )
}

function addSessionRoutes(
  app: FastifyInstance,
  { store, providers, place, sessions, claims, now }: SignInRouteDeps
): void {
  const response = { 200: Done, default: Problem }

  app.post(
    '/auth/sign-out',
    { config: door, schema: { operationId: 'signOut', summary: 'Ends the session', response } },
    async (request, reply) => {
      await sessions.end(request, reply)
      return { message: 'signed out' }
    }
  )

  app.post(
    '/auth/sign-out-everywhere',
    {
      config: door,
      schema: { operationId: 'signOutEverywhere', summary: 'Ends all sessions of the account', response }
    },
    async (request, reply) => {
      const session = await sessions.endAll(request, reply)
      if (session === null) throw new Failure('unauthenticated', 'nobody is signed in')
      await note(session.account, 'sign-out-everywhere')
      return { message: 'signed out everywhere' }
    }
  )

  app.post<{ Body: { token: string } }>(
    '/auth/claim',
    {
      config: { ...door, ...perMinute(20) },
      schema: {
        operationId: 'claim',
        summary:
          'Uses a one-time link: makes the account that is signed in an administrator, or signs the administrator in',
        body: Type.Object({ token: Type.String({ minLength: 1, maxLength: 100 }) }),
        response
      }
    },
    async (request, reply) => {
      place.assertOwnOrigin(request)
      const { token } = request.body
      const kind = await claims.look(token)
      const session = await sessions.find(request)
      const account = session?.account ?? null
      const opensSession = kind === 'session' || providers.length === 0
      if (kind !== null && account === null && !opensSession) {
        throw new Failure('unauthenticated', 'sign in first: the account that opens the link becomes the administrator')
      }
      await claims.take(token)
      if (account === null || kind === 'session') await sessions.open(request, reply, null)
      else await store.accounts.setAdministrator(account.id, true)
      await note(account, 'claim')
      return { message: 'you are the administrator' }
    }
  )

  /** `account` null: by a session of the installation's administrator. */
  const note = (account: Session['account'], action: string) =>
    store.audit.append({
      at: now(),
      actor: account === null ? 'administrator' : accountAuditName(account.login, account.forgeId),
      action,
      ownerId: null,
      resource: account === null ? 'installation' : `account/${account.id}`,
      detail: {}
    })
}
