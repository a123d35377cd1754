import { type Actor, Failure, type Grants, nobody, noGrants } from '@slipway/domain'
import type { FastifyRequest } from 'fastify'

/** Who asks, and what that one may. */
export type Caller = Actor & { grants: Grants }

export interface IdentifyDeps {
  /** Is this the installation's own token, as `Bearer <token>`? */
  isAdministrator(authorization: string | undefined): boolean
  /** An account and what it may now: for the tokens that it made. null: it is gone. */
  findAccount(accountId: string): Promise<Caller | null>
  /** Whose session the request's cookie names; null: it has none, or it is over. */
  findSession(request: FastifyRequest): Promise<Caller | null>
}

export type Identify = (request: FastifyRequest) => Promise<Caller>

export interface Identifying extends Omit<IdentifyDeps, 'findAccount'> {
  /** Who has this API token; null: it is unknown, revoked or expired. */
  findToken(token: string): Promise<Caller | null>
}

/**
 * Finds who asks: the administrator's token, an API token, a session, in this order. Who sends a token is its holder or is refused:
 * a session beside it does not count.
 */
export function createIdentify({ isAdministrator, findToken, findSession }: Identifying): Identify {
  return async (request) => {
    const authorization = authorizationOf(request)
    if (authorization !== undefined && authorization !== '') {
      if (isAdministrator(authorization)) return { kind: 'administrator', name: 'administrator', grants: noGrants }
      const [, token] = /^Bearer (slw_[\w-]{20,200})$/.exec(authorization) ?? []
      const caller = token === undefined ? null : await findToken(token)
      if (caller === null) throw new Failure('unauthenticated', 'this token is unknown, was revoked or has expired')
      return caller
    }
    return (await findSession(request)) ?? { ...nobody, grants: noGrants }
  }
}

/**
 * Where OpenFaaS' clients call, a token is a password, too: of any user. Never with an `Origin`: browsers send passwords that they once
 * heard along with what other people's pages ask for.
 */
function authorizationOf({ headers, routeOptions }: FastifyRequest): string | undefined {
  const { authorization, origin } = headers
  const { isPasswordTaken = false } = (routeOptions.config ?? {}) as { isPasswordTaken?: boolean }
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? '') ?? []
  if (!isPasswordTaken || encoded === undefined || origin !== undefined) return authorization
  const words = Buffer.from(encoded, 'base64').toString()
  return `Bearer ${words.slice(words.indexOf(':') + 1)}`
}
