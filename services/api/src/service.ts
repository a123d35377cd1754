import { createInternalClient } from '@slipway/client'
import { Failure, type Store } from '@slipway/domain'
import { createIdentityProviders, forgeInstances, signInSettings } from '@slipway/forge'
import type { Signals } from '@slipway/queue'
import { commonSettings, homePaths, type Logger, type Running } from '@slipway/service'
import { createUploads } from '@slipway/source'
import Type, { type Static } from 'typebox'
import { createTokenCheck, ensureToken } from './administrator.ts'
import { createApi } from './app.ts'
import { pageDirectory } from './page-routes.ts'
import { accountKeyring, createSignIn, limitsOf, peopleSettings } from './sign-in/sign-in.ts'

export const ApiConfig = Type.Object({
  ...commonSettings,
  API_HOST: Type.String({ default: '127.0.0.1' }),
  API_PORT: Type.Integer({ default: 8082, minimum: 0, maximum: 65535 }),
  /** Address of the gateway as people reach it. */
  GATEWAY_PUBLIC_URL: Type.Optional(Type.String({ pattern: '^https?://' })),
  /** The built page; unset: this repository's own. */
  DASHBOARD_DIRECTORY: Type.Optional(Type.String({ minLength: 1 })),
  /** Of a folder that is deployed without git, as it is sent. */
  UPLOAD_LIMIT_MB: Type.Integer({ default: 100, minimum: 1 }),
  ...signInSettings,
  ...peopleSettings,
  API_REQUESTS_PER_MINUTE: Type.Integer({ default: 1200, minimum: 1 })
})
export type ApiConfig = Static<typeof ApiConfig>

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

export interface RunningApi extends Running {
  /** Good once, for whoever is to be the administrator; null: somebody has opened one. Not for a log. */
  claimUrl: string | null
}

export async function startApi(
  config: ApiConfig,
  { store, signals, logger }: { store: Store; signals: Signals; logger: Logger }
): Promise<RunningApi> {
  if (!loopback.has(config.API_HOST) && config.PUBLIC_URL?.startsWith('https:') !== true) {
    throw new Failure(
      'invalid-configuration',
      'API_HOST must be a loopback address unless PUBLIC_URL is the https address of a proxy before it: sessions and tokens do not go over a network in the clear'
    )
  }
  const paths = homePaths(config.SLIPWAY_HOME)
  const internalToken = await store.settings.get('internal-token')
  if (internalToken === null)
    throw new Failure('unavailable', 'the deployer was never started: start it first, it sets the installation up')
  const uploadLimitBytes = config.UPLOAD_LIMIT_MB * 1024 ** 2
  let address = `http://127.0.0.1:${config.API_PORT}`
  const signIn = createSignIn({
    store,
    providers: createIdentityProviders(config, Date.now),
    publicUrl: () => config.PUBLIC_URL ?? address,
    keyring: accountKeyring(config),
    limits: limitsOf(config),
    now: Date.now,
    logger
  })
  if (signIn.providers.length > 0) signIn.place.assertPrivate()
  const app = await createApi({
    store,
    internal: createInternalClient({ socketPath: paths.socket }, internalToken),
    signals,
    isAdministrator: createTokenCheck(await ensureToken(paths.root)),
    signIn,
    gatewayUrl: config.GATEWAY_PUBLIC_URL ?? null,
    publicUrl: () => config.PUBLIC_URL ?? address,
    githubId: config.GITHUB_FORGE_ID,
    forges: forgeInstances(config),
    pageDirectory: config.DASHBOARD_DIRECTORY ?? pageDirectory,
    uploads: createUploads({ root: paths.uploads, limitBytes: uploadLimitBytes, now: Date.now }),
    uploadLimitBytes,
    requestsPerMinute: config.API_REQUESTS_PER_MINUTE,
    now: Date.now,
    logger
  })
  const url = await app.listen({ host: config.API_HOST, port: config.API_PORT })
  address = url
  if (!signIn.place.isSecure()) {
    logger.warn(
      'sessions go over plain http, on this machine alone: set PUBLIC_URL to an https address to be reached by others'
    )
  }
  const claimUrl = await signIn.claims.issueAtStart(signIn.providers.length > 0 ? 'account' : 'session')
  return { url, claimUrl, close: () => app.close() }
}
