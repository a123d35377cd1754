import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createApiForTest } from '@slipway/api/fixture'
import type { ForgeRepository, IdentityProvider, Store } from '@slipway/domain'
import { createIdentityProviders } from '@slipway/forge'
import { createLocalForge, type LocalForge, type LocalRepository } from '@slipway/local-forge'
import { createLogger } from '@slipway/service'
import { type Browser, createBrowser, type Page } from './browser.ts'

export const publicUrl = 'https://slipway.test'

export interface SignInOptions {
  kind: 'github' | 'gitlab'
  /** Plain http on this machine instead of TLS. */
  isLocal?: boolean
  /** The forge as an OpenID provider of which nothing else is known. */
  isOidc?: boolean
  /** `OIDC_RIGHTS` */
  groupRights?: string
  limits?: { idleMs?: number; longestMs?: number; freshMs?: number; staleMs?: number }
  change?: (providers: IdentityProvider[]) => IdentityProvider[]
}

/** A local forge, and the API that lets its people sign in. */
export async function createSignInScene(t: TestContext, options: SignInOptions) {
  const { kind, isLocal = false, isOidc = false, groupRights = '', limits, change = (all) => all } = options
  const root = await mkdtemp(join(tmpdir(), 'slipway-sign-in-'))
  const logger = createLogger('test', 'silent')
  const forge =
    kind === 'github' ? await createLocalForge({ kind, root, logger }) : await createLocalForge({ kind, root, logger })
  t.after(async () => {
    await forge.close()
    await rm(root, { recursive: true, force: true })
  })
  const clock = { aheadMs: 0 }
  const now = () => Date.now() + clock.aheadMs
  const providers = change(createIdentityProviders(settingsFor(forge, isOidc, groupRights), now))
  const scene = await createApiForTest(t, {
    providers,
    now,
    ...(isLocal ? {} : { publicUrl }),
    ...(limits === undefined ? {} : { limits })
  })
  const url = isLocal ? scene.url : publicUrl
  const provider = isOidc ? 'oidc' : kind
  forge.setCallbackUrls([`${url}/auth/${provider}/callback`])
  const browser = () => createBrowser({ [publicUrl]: scene.url })

  async function signIn(
    login: string,
    at: Browser = browser(),
    returnTo = '/api/v1/me'
  ): Promise<{ at: Browser; page: Page }> {
    const choice = await at.get(`${url}/auth/${provider}/start?return=${encodeURIComponent(returnTo)}`)
    return { at, page: await at.press(choice, 'sign_in_as', login) }
  }
  return {
    ...scene,
    real: scene.url,
    parts: scene.signIn,
    forge,
    url,
    provider,
    clock,
    browser,
    signIn,
    me: async (at: Browser) => (await at.get(`${url}/api/v1/me`)).json(),
    /** As a push would have made it known. */
    connect: (repository: LocalRepository) => connect(scene.store, forge, repository)
  }
}

function settingsFor(forge: LocalForge, isOidc: boolean, groupRights: string) {
  const { clientId, clientSecret } = forge.oauthClient
  const about = {
    GITHUB_FORGE_ID: 'github',
    GITHUB_URL: forge.url,
    GITHUB_API_URL: forge.apiUrl,
    GITLAB_FORGE_ID: 'gitlab',
    GITLAB_URL: forge.url,
    GITLAB_API_URL: forge.apiUrl,
    OIDC_NAME: 'OpenID',
    OIDC_SCOPE: 'openid profile',
    OIDC_GROUPS_CLAIM: 'groups',
    OIDC_RIGHTS: groupRights,
    FORGE_TIMEOUT_MS: 5000
  }
  if (isOidc) return { ...about, OIDC_ISSUER: forge.url, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret }
  return forge.kind === 'github'
    ? { ...about, GITHUB_CLIENT_ID: clientId, GITHUB_CLIENT_SECRET: clientSecret }
    : { ...about, GITLAB_APPLICATION_ID: clientId, GITLAB_APPLICATION_SECRET: clientSecret }
}

function connect(store: Store, forge: LocalForge, repository: LocalRepository) {
  const found: ForgeRepository & { owner: NonNullable<ForgeRepository['owner']> } = {
    forgeRepositoryId: String(repository.id),
    name: repository.name,
    fullName: repository.fullName,
    defaultBranch: repository.defaultBranch,
    isPrivate: repository.isPrivate,
    owner: {
      forgeOwnerId: String(forge.people.namespaceIdOf(repository.fullName.split('/')[0] ?? '')),
      login: repository.fullName.split('/')[0] ?? ''
    },
    installationId: null
  }
  return store.repositories.connect(forge.kind, found, Date.now())
}
