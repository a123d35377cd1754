import { Failure, type ForgeCredential, type SignInSecrets } from '@slipway/domain'
import type { Configuration, CustomFetch, TokenEndpointResponse } from 'openid-client'
import { noAnswer, tooSlow } from '../api/answer.ts'

type OpenIdClient = typeof import('openid-client')

export interface OAuthConfig {
  /** For messages: `GitHub`. */
  provider: string
  /** The setting that the client's secret is in. */
  secretSetting: string
  scope: string
  /** Issues ID tokens: then a nonce is sent, and what is signed is checked. */
  isOpenId: boolean
  /** What is known of the provider, or asked of it. */
  configure(client: OpenIdClient): Promise<Configuration>
  fetch?: typeof fetch
  timeoutMs: number
  now: () => number
}

export interface OAuth {
  begin(callbackUrl: string): Promise<{ address: string; secrets: SignInSecrets }>
  /** `claims`: of the ID token, whose signature, issuer, audience, time and nonce were checked; null where there is none. */
  complete(
    callback: URL,
    secrets: SignInSecrets
  ): Promise<{ credential: ForgeCredential; claims: Record<string, unknown> | null }>
  renew(credential: ForgeCredential): Promise<ForgeCredential>
  /** What the provider's userinfo says of exactly this subject, or with null of whoever it is; null where it has none. */
  userInfo(accessToken: string, subject: string | null): Promise<Record<string, unknown> | null>
}

/** The authorization code flow with PKCE, by openid-client, which is loaded when somebody first signs in. */
export function createOAuth(config: OAuthConfig): OAuth {
  const { provider, scope, isOpenId, now } = config
  const { ready, translated } = createReady(config)

  return {
    begin: (callbackUrl) =>
      translated(async () => {
        const { client, configuration } = await ready()
        const secrets: SignInSecrets = {
          state: client.randomState(),
          nonce: isOpenId ? client.randomNonce() : null,
          codeVerifier: client.randomPKCECodeVerifier()
        }
        const address = client.buildAuthorizationUrl(configuration, {
          redirect_uri: callbackUrl,
          ...(scope === '' ? {} : { scope }),
          state: secrets.state,
          ...(secrets.nonce === null ? {} : { nonce: secrets.nonce }),
          code_challenge: await client.calculatePKCECodeChallenge(secrets.codeVerifier),
          code_challenge_method: 'S256'
        })
        return { address: address.href, secrets }
      }),
    complete: (callback, { state, nonce, codeVerifier }) =>
      translated(async () => {
        const { client, configuration } = await ready()
        const answer = await client.authorizationCodeGrant(configuration, callback, {
          expectedState: state,
          pkceCodeVerifier: codeVerifier,
          ...(nonce === null ? {} : { expectedNonce: nonce, idTokenExpected: true })
        })
        return { credential: credentialOf(answer, now()), claims: answer.claims() ?? null }
      }),
    renew: (credential) =>
      translated(async () => {
        if (credential.refreshToken === null) {
          throw new Failure('unauthenticated', `${provider} takes the sign-in no more: sign in again`)
        }
        const { client, configuration } = await ready()
        const answer = await client.refreshTokenGrant(configuration, credential.refreshToken)
        const renewed = credentialOf(answer, now())
        return { ...renewed, refreshToken: renewed.refreshToken ?? credential.refreshToken }
      }),
    userInfo: (accessToken, subject) =>
      translated(async () => {
        const { client, configuration } = await ready()
        if (configuration.serverMetadata().userinfo_endpoint === undefined) return null
        return client.fetchUserInfo(configuration, accessToken, subject ?? client.skipSubjectCheck)
      })
  }
}

function createReady(config: OAuthConfig) {
  const { isOpenId, timeoutMs } = config
  let loaded: Promise<{ client: OpenIdClient; configuration: Configuration }> | null = null

  async function load() {
    const client = await import('openid-client')
    const configuration = await config.configure(client)
    configuration.timeout = timeoutMs / 1000
    if (isLoopback(configuration.serverMetadata().issuer)) client.allowInsecureRequests(configuration)
    if (isOpenId) client.enableNonRepudiationChecks(configuration)
    const ask = config.fetch ?? globalThis.fetch
    const outspokenFetch: CustomFetch = async (url, options) => outspoken(await ask(url, options))
    configuration[client.customFetch] = outspokenFetch
    return { client, configuration }
  }

  return {
    ready() {
      // One that failed is tried again with the next call.
      loaded ??= load().catch((err: unknown) => {
        loaded = null
        throw err
      })
      return loaded
    },
    async translated<T>(work: () => Promise<T>): Promise<T> {
      try {
        return await work()
      } catch (err) {
        throw translate(err, config)
      }
    }
  }
}

/** GitHub answers errors with status 200. */
async function outspoken(response: Response): Promise<Response> {
  if (response.status !== 200 || response.headers.get('content-type')?.includes('json') !== true) return response
  const text = await response.text()
  const isError = /^\s*\{\s*"error"\s*:/.test(text)
  return new Response(text, { status: isError ? 400 : 200, headers: response.headers })
}

function credentialOf(answer: TokenEndpointResponse, now: number): ForgeCredential {
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token ?? null,
    expiresAt: answer.expires_in === undefined ? null : now + answer.expires_in * 1000
  }
}

/** Codes of openid-client for answers that are none of the provider's. */
const notItsOwn = new Set(['OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON', 'OAUTH_PARSE_ERROR'])

function translate(err: unknown, { provider, secretSetting, timeoutMs }: OAuthConfig): unknown {
  if (err instanceof Failure || !(err instanceof Error)) return err
  const { code, error, status, name } = err as { code?: string; error?: string; status?: number; name: string }
  const call = 'sign-in'
  if (error === 'invalid_client' || error === 'unauthorized_client' || error === 'incorrect_client_credentials') {
    const words = `${provider} refuses Slipway's client id or secret: the administrator checks ${secretSetting}`
    return new Failure('invalid-configuration', words, { cause: err })
  }
  if (error === 'access_denied') return new Failure('unauthenticated', 'the sign-in was cancelled', { cause: err })
  if (code === 'OAUTH_TIMEOUT' || name === 'TimeoutError') return tooSlow(provider, call, timeoutMs, err)
  if (status !== undefined && status >= 500) return noAnswer(provider, call, err)
  if (error !== undefined) {
    return new Failure('unauthenticated', `${provider} refused it (${error.slice(0, 80)}): sign in again`, {
      cause: err
    })
  }
  if (err instanceof TypeError || (code !== undefined && notItsOwn.has(code))) return noAnswer(provider, call, err)
  if (code?.startsWith('OAUTH_') === true) {
    const words = `what came back from ${provider} does not belong to the sign-in that was begun: sign in again`
    return new Failure('unauthenticated', words, { cause: err })
  }
  return err
}

/** Tokens go over plain HTTP to this machine only. */
export function isLoopback(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
}

/** @throws Failure `invalid-configuration` */
export function assertPrivate(url: string, setting: string): void {
  if (url.startsWith('https:') || isLoopback(url)) return
  throw new Failure('invalid-configuration', `${setting} must be an https address: people's tokens go there`)
}
