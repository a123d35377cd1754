import { createInternalClient } from '@slipway/client'
import { Failure, type Store } from '@slipway/domain'
import { forgeInstances, instanceSettings } from '@slipway/forge'
import type { Signals } from '@slipway/queue'
import { commonSettings, homePaths, type Logger, type Running } from '@slipway/service'
import { createUploads } from '@slipway/source'
import Type, { type Static } from 'typebox'
import { createTokenCheck, ensureToken } from './administrator.ts'
import { createApi } from './app.ts'
import { pageDirectory } from './page-routes.ts'

export const ApiConfig = Type.Object({
  ...commonSettings,
  ...instanceSettings,
  API_HOST: Type.String({ default: '127.0.0.1' }),
  API_PORT: Type.Integer({ default: 8082, minimum: 0, maximum: 65535 }),
  /** Address of the gateway as people reach it. */
  GATEWAY_PUBLIC_URL: Type.Optional(Type.String({ pattern: '^https?://' })),
  /** The built page; unset: this repository's own. */
  DASHBOARD_DIRECTORY: Type.Optional(Type.String({ minLength: 1 })),
  /** Of a folder that is deployed without git, as it is sent. */
  UPLOAD_LIMIT_MB: Type.Integer({ default: 100, minimum: 1 }),
  API_REQUESTS_PER_MINUTE: Type.Integer({ default: 1200, minimum: 1 })
})
export type ApiConfig = Static<typeof ApiConfig>

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

export async function startApi(
  config: ApiConfig,
  { store, signals, logger }: { store: Store; signals: Signals; logger: Logger }
): Promise<Running> {
  if (!loopback.has(config.API_HOST)) {
    throw new Failure(
      'invalid-configuration',
      'API_HOST must be a loopback address: there is no sign-in yet, so the status API is not served to a network. Use an SSH tunnel to reach it from elsewhere'
    )
  }
  const paths = homePaths(config.SLIPWAY_HOME)
  const internalToken = await store.settings.get('internal-token')
  if (internalToken === null)
    throw new Failure('unavailable', 'the deployer was never started: start it first, it sets the installation up')
  const uploadLimitBytes = config.UPLOAD_LIMIT_MB * 1024 ** 2
  const app = await createApi({
    store,
    internal: createInternalClient({ socketPath: paths.socket }, internalToken),
    signals,
    isAdministrator: createTokenCheck(await ensureToken(paths.root)),
    findAccount: async () => null,
    findSession: async () => null,
    gatewayUrl: config.GATEWAY_PUBLIC_URL ?? null,
    forges: forgeInstances(config),
    pageDirectory: config.DASHBOARD_DIRECTORY ?? pageDirectory,
    uploads: createUploads({ root: paths.uploads, limitBytes: uploadLimitBytes, now: Date.now }),
    uploadLimitBytes,
    requestsPerMinute: config.API_REQUESTS_PER_MINUTE,
    now: Date.now,
    logger
  })
  const url = await app.listen({ host: config.API_HOST, port: config.API_PORT })
  return { url, close: () => app.close() }
}
