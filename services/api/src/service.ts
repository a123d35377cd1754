import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import { createInternalClient } from '@slipway/client'
import { Failure, type Store } from '@slipway/domain'
import { createIdentityProviders, forgeInstances, signInSettings } from '@slipway/forge'
import type { Signals } from '@slipway/queue'
import { createGivenUpCalls } from '@slipway/queue/given-up-calls'
import { keyringOf } from '@slipway/secrets'
import {
  commonSettings,
  createClosers,
  createPresence,
  homePaths,
  internalAddress,
  internalSettings,
  isLoopback,
  type Logger,
  listed,
  listenOn,
  proxySettings,
  queueConfig,
  type Running,
  readInstallation,
  releaseOf,
  signInKeySettings,
  waitSettings
} from '@slipway/service'
import { createUploads } from '@slipway/source'
import Type, { type Static } from 'typebox'
import { createTokenCheck, ensureToken } from './administrator.ts'
import { createApi } from './app.ts'
import { pageDirectory } from './page-routes.ts'
import { followKeptProvider } from './sign-in/kept-provider.ts'
import { createSignIn, limitsOf, peopleSettings } from './sign-in/sign-in.ts'

export const ApiConfig = Type.Object({
  ...commonSettings,
  ...waitSettings,
  API_HOST: Type.String({
    default: '127.0.0.1',
    description: 'Where the status API and the page listen. Another one than loopback only with an https PUBLIC_URL.'
  }),
  API_PORT: Type.Integer({
    default: 8082,
    minimum: 0,
    maximum: 65535,
    description: '`slipway up` chooses one once and keeps it.'
  }),
  GATEWAY_PUBLIC_URL: Type.Optional(
    Type.String({ pattern: '^https?://', description: 'Address of the gateway as people reach it.' })
  ),
  DASHBOARD_DIRECTORY: Type.Optional(
    Type.String({ minLength: 1, description: "The built page; unset: this repository's own." })
  ),
  UPLOAD_LIMIT_MB: Type.Integer({
    default: 100,
    minimum: 1,
    description: 'Of a folder that is deployed without git, as it is sent.'
  }),
  ...signInSettings,
  ...peopleSettings,
  ...signInKeySettings,
  ...internalSettings,
  ADMIN_TOKEN: Type.Optional(
    Type.String({
      minLength: 32,
      description:
        "The administrator's, where several of these share it; unset: one made once, in a file in SLIPWAY_HOME."
    })
  ),
  ...proxySettings,
  API_REQUESTS_PER_MINUTE: Type.Integer({
    default: 1200,
    minimum: 1,
    description: 'Calls of one token, session or address.'
  })
})
export type ApiConfig = Static<typeof ApiConfig>

/** @throws Failure `invalid-configuration` where sessions and tokens would go over a network in the clear */
export function assertReachedPrivately({ API_HOST, PUBLIC_URL }: Pick<ApiConfig, 'API_HOST' | 'PUBLIC_URL'>): void {
  if (isLoopback(API_HOST) || PUBLIC_URL?.startsWith('https:') === true) return
  throw new Failure(
    'invalid-configuration',
    'API_HOST must be a loopback address unless PUBLIC_URL is the https address of a proxy before it: sessions and tokens do not go over a network in the clear'
  )
}

export interface RunningApi extends Running {
  /** Good once, for whoever is to be the administrator; null: somebody has opened one. Not for a log. */
  claimUrl: string | null
}

/** @throws Failure `invalid-configuration` */
function proxiesOf({ TRUSTED_PROXIES: setting }: ApiConfig): string[] {
  const proxies = listed(setting.replaceAll(/\s+/g, ','))
  for (const proxy of proxies) {
    const [address = '', bits, ...more] = proxy.split('/')
    const most = isIP(address) === 6 ? 128 : 32
    const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most && more.length === 0)
    if (isIP(address) === 0 || !isRange) {
      const what = `TRUSTED_PROXIES holds ${JSON.stringify(proxy)}, which is neither an address nor a network like 10.0.0.0/8`
      throw new Failure('invalid-configuration', what)
    }
  }
  return proxies
}

export async function startApi(
  config: ApiConfig,
  { store, signals, logger }: { store: Store; signals: Signals; logger: Logger }
): Promise<RunningApi> {
  assertReachedPrivately(config)
  const paths = homePaths(config.SLIPWAY_HOME)
  const { internalToken } = await readInstallation(store)
  const uploadLimitBytes = config.UPLOAD_LIMIT_MB * 1024 ** 2
  let address = `http://127.0.0.1:${config.API_PORT}`
  const providers = createIdentityProviders(config, Date.now)
  const signIn = createSignIn({
    store,
    providers,
    publicUrl: () => config.PUBLIC_URL ?? address,
    accountKeys: { keys: config.ACCOUNT_KEYS ?? null, file: paths.accountKeys },
    limits: limitsOf(config),
    now: Date.now,
    logger
  })
  if (providers.length > 0) signIn.place.assertPrivate()
  const kept = await followKeptProvider({
    store,
    providers,
    keyring: keyringOf({ keys: config.SIGN_IN_KEYS ?? null, setting: 'SIGN_IN_KEYS', file: paths.signInKeys }),
    timeoutMs: config.FORGE_TIMEOUT_MS,
    now: Date.now,
    logger
  })
  const closers = createClosers(logger)
  const givenUp = createGivenUpCalls(queueConfig(config), (err) => logger.debug({ err }, 'Redis does not answer'))
  closers.add('calls that were given up', () => givenUp.close())
  const app = await createApi({
    store,
    internal: createInternalClient(internalAddress(config), internalToken),
    signals,
    givenUp,
    isAdministrator: createTokenCheck(await ensureToken(paths.root, config.ADMIN_TOKEN)),
    signIn,
    gatewayUrl: config.GATEWAY_PUBLIC_URL ?? null,
    publicUrl: () => config.PUBLIC_URL ?? address,
    githubId: config.GITHUB_FORGE_ID,
    forges: forgeInstances(config),
    pageDirectory: config.DASHBOARD_DIRECTORY ?? pageDirectory,
    uploads: createUploads({ root: paths.uploads, limitBytes: uploadLimitBytes, now: Date.now }),
    uploadLimitBytes,
    requestsPerMinute: config.API_REQUESTS_PER_MINUTE,
    release: releaseOf(),
    trustedProxies: proxiesOf(config),
    now: Date.now,
    logger
  })
  closers.add('server', () => app.close())
  closers.add('kept App', () => kept.close())
  closers.add(
    'hearing of forges',
    signals.listen('forges', () => kept.wake())
  )
  const listening = listenOn(app, { host: config.API_HOST, port: config.API_PORT }, 'API_PORT')
  const url = await listening.catch(async (err: unknown) => {
    await closers.close()
    throw err
  })
  address = url
  if (!signIn.place.isSecure()) {
    logger.warn(
      'sessions go over plain http, on this machine alone: set PUBLIC_URL to an https address to be reached by others'
    )
  }
  const claimUrl = await signIn.claims.issueAtStart(signIn.providers.length > 0 ? 'account' : 'session')
  const id = `api-${randomUUID()}`
  const presence = createPresence({ services: store.services, kind: 'api', id, now: Date.now, logger })
  closers.add('presence', () => presence.close())
  return { url, claimUrl, close: () => closers.close() }
}
