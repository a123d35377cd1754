import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { exportJWK, SignJWT } from 'jose'
import type { Address } from './address.ts'
import type { Core } from './core.ts'
import { type OAuthForm, registerOAuth } from './oauth.ts'
import { bearerToken } from './rest.ts'
import type { Account, OAuthClient, Permissions } from './state.ts'

const paths = { authorizePath: '/oauth/authorize', tokenPath: '/oauth/token' }

/** GitLab as an OpenID provider: https://docs.gitlab.com/integration/openid_connect_provider/ */
export function gitLabSignIn(core: Core, client: OAuthClient, trouble: { nonce: string | null }) {
  const { address, tokens, accounts, people, now } = core
  const key = createPrivateKey(client.signingKey)
  const kid = createHash('sha256').update(client.signingKey).digest('hex').slice(0, 16)

  const form: OAuthForm = {
    ...paths,
    prefixes: { access: 'glo-', refresh: 'glr-' },
    accessLifetimeMs: 2 * 3600_000,
    permissionsOf: (scope): Permissions =>
      scope.split(' ').includes('read_api') ? { api: 'read', contents: 'read' } : {},
    async withTokens({ consent, account, scope }) {
      const created = { created_at: Math.floor(now() / 1000) }
      if (consent === null || !scope.split(' ').includes('openid')) return created
      const nonce = trouble.nonce ?? consent.nonce
      const idToken = await new SignJWT({ ...claimsOf(address(), account), ...(nonce === null ? {} : { nonce }) })
        .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
        .setIssuer(address().url)
        .setAudience(client.clientId)
        .setIssuedAt(Math.floor(now() / 1000))
        .setExpirationTime(Math.floor(now() / 1000) + 120)
        .sign(key)
      return { ...created, id_token: idToken }
    },
    refuse: (reply, error, description) =>
      reply.code(error === 'invalid_client' ? 401 : 400).send({ error, error_description: description }),
    sendTokens: (_request, reply, answer) => reply.send(answer)
  }

  function register(app: FastifyInstance): void {
    registerOAuth(app, core, client, form)
    app.get('/.well-known/openid-configuration', () => discoveryAnswer(address()))
    app.get('/oauth/discovery/keys', async () => ({
      keys: [{ ...(await exportJWK(createPublicKey(key))), kid, use: 'sig', alg: 'RS256' }]
    }))
    app.get('/oauth/userinfo', (request, reply) => {
      const token = tokens.find(bearerToken(request) ?? '')
      if (token === null) {
        const refusal = { error: 'invalid_token', error_description: 'The access token is invalid' }
        return reply.code(401).header('www-authenticate', 'Bearer error="invalid_token"').send(refusal)
      }
      const groups = people.membershipsOf(token.accountId).map(({ owner }) => owner.login)
      return reply.send({ ...claimsOf(address(), accounts.byId(token.accountId)), groups })
    })
  }
  return { oauthClient: client, tokenPath: paths.tokenPath, signIn: register }
}

function claimsOf({ url }: Address, account: Account) {
  return {
    sub: String(account.id),
    name: account.login,
    nickname: account.login,
    preferred_username: account.login,
    profile: `${url}/${account.login}`,
    picture: `${url}/-/avatar.svg`
  }
}

function discoveryAnswer({ url }: Address) {
  return {
    issuer: url,
    authorization_endpoint: `${url}${paths.authorizePath}`,
    token_endpoint: `${url}${paths.tokenPath}`,
    userinfo_endpoint: `${url}/oauth/userinfo`,
    jwks_uri: `${url}/oauth/discovery/keys`,
    scopes_supported: ['api', 'read_api', 'read_user', 'openid', 'profile', 'email'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'nonce', 'name', 'nickname', 'preferred_username', 'picture'],
    code_challenge_methods_supported: ['plain', 'S256']
  }
}
