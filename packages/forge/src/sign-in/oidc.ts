import { Failure, type IdentityProvider, type Person } from '@slipway/domain'
import { assertPrivate, createOAuth, isLoopback } from './oauth.ts'
import { type GroupRights, rightsOfClaims } from './oidc-rights.ts'

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
  rights: GroupRights
  fetch?: typeof fetch
  timeoutMs: number
  now: () => number
}

/**
 * Any OpenID provider. It knows people and groups, and no repositories: members of a group may what the configuration says, and who is
 * in none of those has no rights but those of an administrator. Groups are what its userinfo says now, asked with the person's own token.
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
  /** What userinfo does not say anew is no right that could be taken back. */
  const hasRights = config.rights.byGroup.size > 0

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
      return { person: personOf(subject, { ...told, ...claims }), credential: hasRights ? credential : null }
    },
    renew: oauth.renew,
    async ask({ accessToken }) {
      const told = await oauth.userInfo(accessToken, null)
      const subject = textOf(told?.sub)
      if (told === null || subject === null) {
        throw new Failure('unauthenticated', `${name} does not say who it is any more: sign in again`)
      }
      return { person: personOf(subject, told), rights: rightsOfClaims(config.rights, told) }
    }
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
