import { Failure, type IdentityProvider, type Person } from '@slipway/domain'
import { assertPrivate, createOAuth, isLoopback } from './oauth.ts'

export interface OidcConfig {
  /** In addresses: `/auth/<id>/start`. */
  id: string
  /** For people. */
  name: string
  /** Where `/.well-known/openid-configuration` is found. */
  issuer: string
  clientId: string
  clientSecret: string
  scope: string
  fetch?: typeof fetch
  timeoutMs: number
  now: () => number
}

/**
 * Any OpenID provider. It knows people and no repositories: who signs in here has no rights but those of an administrator.
 * Accounts belong to the issuer, so that another one that is configured later inherits nobody.
 */
export function createOidcSignIn(config: OidcConfig): IdentityProvider {
  const { id, name, clientId, clientSecret, scope } = config
  assertPrivate(config.issuer, 'OIDC_ISSUER')
  const oauth = createOAuth({
    ...config,
    provider: name,
    secretSetting: 'OIDC_CLIENT_SECRET',
    scope,
    isOpenId: true,
    configure: ({ discovery, allowInsecureRequests, customFetch }) =>
      discovery(new URL(config.issuer), clientId, clientSecret, undefined, {
        execute: isLoopback(config.issuer) ? [allowInsecureRequests] : [],
        timeout: config.timeoutMs / 1000,
        ...(config.fetch === undefined ? {} : { [customFetch]: config.fetch })
      })
  })
  const nothing = () => Promise.reject(new Failure('unsupported', `${name} can be asked nothing more`))

  return {
    id,
    name,
    forgeId: config.issuer,
    begin: oauth.begin,
    async complete(callback, secrets) {
      const { credential, claims } = await oauth.complete(callback, secrets)
      const subject = textOf(claims?.sub)
      if (subject === null) throw new Failure('unauthenticated', `${name} did not say who it is: sign in again`)
      const told = (await oauth.userInfo(credential.accessToken, subject)) ?? {}
      return { person: personOf(subject, { ...told, ...claims }), credential: null }
    },
    renew: nothing,
    ask: nothing
  }
}

function personOf(subject: string, claims: Record<string, unknown>): Person {
  const { preferred_username: username, nickname, name } = claims
  return {
    forgeUserId: subject,
    login: textOf(username) ?? textOf(nickname) ?? textOf(name) ?? subject,
    name: textOf(name)
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 255) : null
}
