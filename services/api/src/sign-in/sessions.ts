import { type Account, Failure, noGrants, type Session, type Store } from '@slipway/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../identify.ts'
import { createCookie } from './cookies.ts'
import { hashOf, newToken } from './one-time.ts'
import type { Place } from './place.ts'
import type { GrantsOf } from './rights-of.ts'

export interface SessionLimits {
  /** A session that is not used for so long ends. */
  idleMs: number
  /** One ends after this in any case. */
  longestMs: number
}

export interface SessionDeps {
  store: Pick<Store, 'sessions' | 'accounts'>
  place: Place
  limits: SessionLimits
  grantsOf: GrantsOf
  now: () => number
}

export interface BrowserSessions {
  /** Always a new one: whatever the browser had before is ended, so that nobody can have chosen it. */
  open(request: FastifyRequest, reply: FastifyReply, accountId: string | null): Promise<Session>
  /** null: there is none, or it is over. @throws Failure `forbidden` for a call that changes something from a page of others */
  find(request: FastifyRequest): Promise<Session | null>
  end(request: FastifyRequest, reply: FastifyReply): Promise<Session | null>
  /** Here and everywhere else. */
  endAll(request: FastifyRequest, reply: FastifyReply): Promise<Session | null>
  /** For `identify`. */
  callerOf(request: FastifyRequest): Promise<Caller | null>
  /** An account and what it may now; null: it is gone, or its forge takes it no more. */
  accountCaller(accountId: string): Promise<Caller | null>
}

/** How often it is written down that a session is in use. */
const noteEveryMs = 60_000

export function createBrowserSessions({ store, place, limits, grantsOf, now }: SessionDeps): BrowserSessions {
  const cookie = createCookie('slipway', place)

  async function find(request: FastifyRequest): Promise<Session | null> {
    const token = cookie.read(request)
    const session = token === null ? null : await store.sessions.find(hashOf(token), now())
    if (session === null) return null
    place.assertOwnOrigin(request)
    const idleUntil = Math.min(now() + limits.idleMs, session.expiresAt)
    if (idleUntil - session.idleUntil > noteEveryMs) await store.sessions.putOff(session.id, idleUntil)
    return session
  }

  async function callerOfAccount({
    id: accountId,
    login: name,
    forgeId,
    isAdministrator
  }: Account): Promise<Caller | null> {
    try {
      return { kind: 'account', accountId, name, forgeId, isAdministrator, grants: await grantsOf(accountId) }
    } catch (err) {
      // The forge takes the account's credential no more, and with it every session ended.
      if (err instanceof Failure && err.code === 'unauthenticated') return null
      throw err
    }
  }

  async function endWith(request: FastifyRequest, reply: FastifyReply, work: (session: Session) => Promise<unknown>) {
    const session = await find(request)
    if (session !== null) await work(session)
    cookie.clear(reply)
    return session
  }

  return {
    async open(request, reply, accountId) {
      place.assertPrivate()
      const token = newToken()
      const at = now()
      const before = cookie.read(request)
      const former = before === null ? null : await store.sessions.find(hashOf(before), at)
      if (former !== null) await store.sessions.end(former.id)
      const opened = await store.sessions.open(
        {
          tokenHash: hashOf(token),
          accountId,
          idleUntil: at + Math.min(limits.idleMs, limits.longestMs),
          expiresAt: at + limits.longestMs
        },
        at
      )
      cookie.set(reply, token, limits.longestMs)
      return opened
    },
    find,
    end: (request, reply) => endWith(request, reply, ({ id }) => store.sessions.end(id)),
    endAll: (request, reply) =>
      endWith(request, reply, ({ account }) => store.sessions.endAll(account === null ? null : account.id)),
    async callerOf(request) {
      const session = await find(request)
      if (session === null) return null
      if (session.account === null) return { kind: 'administrator', name: 'administrator', grants: noGrants }
      return callerOfAccount(session.account)
    },
    async accountCaller(accountId) {
      const account = await store.accounts.get(accountId)
      return account === null ? null : callerOfAccount(account)
    }
  }
}
