import { forgeSecretIdentity, type IdentityProvider, type Store } from '@slipway/domain'
import { createGitHubSignIn } from '@slipway/forge'
import { decrypt, type Keyring } from '@slipway/secrets'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface KeptProviderDeps {
  store: Pick<Store, 'forgeApps'>
  /** Changed in place: whoever holds them offers what counts now. Those that settings name stay, and win. */
  providers: IdentityProvider[]
  /** What secrets for sign-in are encrypted with. */
  keyring: () => Promise<Keyring>
  timeoutMs: number
  now: () => number
  logger: Logger
}

/** How often it is looked, in case nobody says that something changed. */
const periodMs = 10_000

/** Lets people sign in with the App that `slipway connect github` made: its client is kept in the store, and followed without a restart. */
export async function followKeptProvider(deps: KeptProviderDeps): Promise<Loop & { look(): Promise<void> }> {
  const { store, providers, keyring, timeoutMs, now, logger } = deps
  const configured = new Set(providers.map(({ id }) => id))
  /** By forge: which client of which App the provider was made of. */
  const known = new Map<string, string>()

  async function look(): Promise<void> {
    const apps = (await store.forgeApps.list()).filter(
      ({ forgeId, kind, clientId }) => kind === 'github' && clientId !== null && !configured.has(forgeId)
    )
    const secrets = apps.length === 0 ? [] : await store.forgeApps.secrets('sign-in', now())
    const wanted = apps.flatMap((app) => {
      const secret = secrets.find(({ forgeId }) => forgeId === app.forgeId)
      return secret === undefined || app.clientId === null ? [] : [{ app, clientId: app.clientId, secret }]
    })
    for (const forgeId of [...known.keys()].filter((id) => !wanted.some(({ app }) => app.forgeId === id))) {
      known.delete(forgeId)
      replace(forgeId, null)
    }
    for (const { app, clientId, secret } of wanted) {
      const { forgeId, kind, baseUrl, apiUrl } = app
      const version = `${clientId} ${secret.id} ${baseUrl}`
      if (known.get(forgeId) === version) continue
      const clientSecret = decrypt(await keyring(), secret.ciphertext, forgeSecretIdentity(secret)).toString('utf8')
      const instance = { forgeId, kind, baseUrl, apiUrl }
      replace(forgeId, createGitHubSignIn({ instance, clientId, clientSecret, timeoutMs, now }))
      known.set(forgeId, version)
      logger.info({ forgeId, appId: app.appId }, 'people can sign in with the App that was connected')
    }
  }

  function replace(forgeId: string, provider: IdentityProvider | null): void {
    const at = providers.findIndex(({ id }) => id === forgeId)
    if (at >= 0) providers.splice(at, 1)
    if (provider !== null) providers.push(provider)
  }

  /** What is stored wrongly must not keep those from signing in whom settings let in. */
  const round = () =>
    look().catch((err: unknown) => logger.warn({ err }, 'the App for sign-in could not be read from the store'))
  await round()
  const loop = createLoop('sign-in', periodMs, round, logger)
  return { look, wake: loop.wake, close: loop.close }
}
