import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Core } from './core.ts'
import { type Codes, type Consent, createCodes, isSame, isVerified } from './oauth-codes.ts'
import { signInPage } from './sign-in-page.ts'
import type { Account, OAuthClient, Permissions, StateFile, Token } from './state.ts'
import { refreshToken, signedInToken } from './tokens.ts'

/** In what the two kinds of forge differ when somebody signs in. */
export interface OAuthForm {
  /** Where people choose who they are, and where clients take tokens. */
  authorizePath: string
  tokenPath: string
  prefixes: { access: string; refresh: string }
  accessLifetimeMs: number
  permissionsOf(scope: string): Permissions
  /** More fields of the answer: an ID token. */
  withTokens(given: { consent: Consent | null; account: Account; scope: string }): Promise<Record<string, unknown>>
  refuse(reply: FastifyReply, error: string, description: string): FastifyReply
  sendTokens(request: FastifyRequest, reply: FastifyReply, answer: Record<string, unknown>): FastifyReply
}

const refreshLifetimeMs = 180 * 24 * 3600_000

/** Made at the first start, the same after a restart. */
export async function ensureOAuthClient(state: StateFile, clientId: string): Promise<OAuthClient> {
  if (state.data.oauthClient !== undefined) return state.data.oauthClient
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
  })
  const clientSecret = randomBytes(20).toString('hex')
  state.data.oauthClient = { clientId, clientSecret, callbackUrls: [], signingKey: privateKey }
  state.changed()
  return state.data.oauthClient
}

type Fields = Record<string, string | undefined>

/** The authorization code flow: RFC 6749 section 4.1 with PKCE (RFC 7636). Who one is, one chooses from a list. */
export function registerOAuth(app: FastifyInstance, core: Core, client: OAuthClient, form: OAuthForm): void {
  const codes = createCodes(core.now)
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(String(body))))
    })
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
      done(null, JSON.parse(String(body)))
    })
    scope.get<{ Querystring: Fields }>(form.authorizePath, (request, reply) => {
      const asked = request.query
      const problem = refuseClient(client, asked)
      if (problem !== null) return signInPage(reply, { problem })
      const accounts = core.accounts.users().filter(({ login }) => !/(?:_bot|-bot)$/.test(login))
      return signInPage(reply, { action: form.authorizePath, asked, accounts })
    })
    scope.post<{ Body: Fields | null }>(form.authorizePath, (request, reply) =>
      agree(reply, core, client, codes, request.body ?? {})
    )
    scope.post<{ Body: Fields | null }>(form.tokenPath, (request, reply) =>
      giveTokens(request, reply, { core, client, form, codes })
    )
  })
}

/** Why somebody is not sent back at all: to a stranger's address nothing is said. */
function refuseClient(client: OAuthClient, { client_id: clientId, redirect_uri: redirectUri }: Fields): string | null {
  if (clientId !== client.clientId) return 'There is no such application.'
  if (redirectUri === undefined || !client.callbackUrls.includes(redirectUri)) {
    return 'The redirect_uri is not associated with this application.'
  }
  return null
}

function agree(reply: FastifyReply, core: Core, client: OAuthClient, codes: Codes, asked: Fields): FastifyReply {
  const problem = refuseClient(client, asked)
  if (problem !== null) return signInPage(reply, { problem })
  const back = new URL(asked.redirect_uri ?? '')
  if (asked.state !== undefined) back.searchParams.set('state', asked.state)
  const refuse = (error: string) => {
    back.searchParams.set('error', error)
    return reply.redirect(back.href)
  }
  if (asked.sign_in_as === undefined) return refuse('access_denied')
  const account = core.accounts.byLogin(asked.sign_in_as)
  if (account === null || account.type !== 'User') return refuse('access_denied')
  if (asked.response_type !== undefined && asked.response_type !== 'code') return refuse('unsupported_response_type')
  const { code_challenge: challenge = null, code_challenge_method: method = 'plain' } = asked
  if (challenge !== null && method !== 'S256') return refuse('invalid_request')
  const code = codes.issue({
    accountId: account.id,
    redirectUri: asked.redirect_uri ?? '',
    scope: asked.scope ?? '',
    challenge,
    nonce: asked.nonce ?? null
  })
  back.searchParams.set('code', code)
  return reply.redirect(back.href)
}

interface TokenDeps {
  core: Core
  client: OAuthClient
  form: OAuthForm
  codes: Codes
}

async function giveTokens(request: FastifyRequest, reply: FastifyReply, deps: TokenDeps): Promise<FastifyReply> {
  const { core, client, form, codes } = deps
  const body = (request.body ?? {}) as Fields
  if (!isClient(request, body, client)) return form.refuse(reply, 'invalid_client', 'The client credentials are wrong.')
  if (body.grant_type === 'refresh_token') return renew(request, reply, deps, body)
  const { code = '', redirect_uri: redirectUri, code_verifier: verifier } = body
  const taken = codes.take(code)
  const wrongCode = 'The code passed is incorrect or expired.'
  if (taken === null) return form.refuse(reply, 'invalid_grant', wrongCode)
  if ('used' in taken) {
    // Somebody else has the code as well (RFC 6749, section 4.1.2).
    core.tokens.end(({ id }) => taken.used.includes(id))
    return form.refuse(reply, 'invalid_grant', wrongCode)
  }
  const { consent } = taken
  if (redirectUri !== consent.redirectUri)
    return form.refuse(reply, 'invalid_grant', 'The redirect_uri is another one.')
  if (!isVerified(consent, verifier)) return form.refuse(reply, 'invalid_grant', 'The code verifier is wrong.')
  const account = core.accounts.byId(consent.accountId)
  const pair = issuePair(deps, account, consent.scope)
  codes.note(
    code,
    pair.map(({ id }) => id)
  )
  return answer(request, reply, deps, { pair, account, consent, scope: consent.scope })
}

/** A refresh token is good once, and its former access token ends with it. */
async function renew(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: TokenDeps,
  body: Fields
): Promise<FastifyReply> {
  const { core, form } = deps
  const former = core.tokens.findRefresh(body.refresh_token ?? '')
  if (former === null) {
    return form.refuse(reply, 'invalid_grant', 'The refresh token is incorrect or expired.')
  }
  core.tokens.end(({ id }) => id === former.id || id === former.id - 1)
  const account = core.accounts.byId(former.accountId)
  const scope = Object.keys(former.permissions).includes('api') ? 'openid profile read_api' : ''
  return answer(request, reply, deps, { pair: issuePair(deps, account, scope), account, consent: null, scope })
}

/** The access token, and the refresh token whose id is the next one. */
function issuePair({ core, form }: TokenDeps, { id: accountId }: Account, scope: string): [Token, Token] {
  const of = { accountId, installationId: null, repositoryIds: null, permissions: form.permissionsOf(scope) }
  const { access, refresh } = form.prefixes
  const now = core.now()
  const expiresAt = now + form.accessLifetimeMs
  return [
    core.tokens.issue({ ...of, prefix: access, name: signedInToken, expiresAt }),
    core.tokens.issue({ ...of, prefix: refresh, name: refreshToken, expiresAt: now + refreshLifetimeMs })
  ]
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  { form }: TokenDeps,
  given: { pair: [Token, Token]; account: Account; consent: Consent | null; scope: string }
): Promise<FastifyReply> {
  const [access, refresh] = given.pair
  return form.sendTokens(request, reply, {
    access_token: access.token,
    token_type: 'bearer',
    expires_in: form.accessLifetimeMs / 1000,
    refresh_token: refresh.token,
    scope: given.scope,
    ...(await form.withTokens(given))
  })
}

/** In the body or by HTTP Basic (RFC 6749, section 2.3.1). */
function isClient(request: FastifyRequest, body: Fields, { clientId, clientSecret }: OAuthClient): boolean {
  const encoded = /^basic +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const [id = '', secret = ''] =
    encoded === undefined
      ? [body.client_id ?? '', body.client_secret ?? '']
      : Buffer.from(encoded, 'base64').toString().split(':').map(decodeURIComponent)
  return id === clientId && isSame(secret, clientSecret)
}
