import type { ForgeApp, Store } from '@slipway/domain'
import {
  createForgeApis,
  createGitHubApi,
  createGitLabApi,
  createGitLabHooks,
  type ForgeApiSettings,
  githubInstance,
  gitlabInstance
} from '@slipway/forge'
import { createEncryption, type Encryption } from '@slipway/secrets'
import type { Logger } from '@slipway/service'
import { forgeSecrets } from '../secrets/holdings.ts'
import { createConnect, type PublicAddresses } from './connect.ts'
import { createConnectGitLab } from './connect-gitlab.ts'
import { createForgeCredentials } from './credentials.ts'
import { createFollowedForges, type FollowedForges } from './followed-forges.ts'
import type { InternalForgesDeps } from './internal-forges.ts'
import { createRotateProjects } from './rotate-projects.ts'
import { createForgeRotation, settleMs } from './rotation.ts'

export interface ForgeServicesDeps {
  store: Pick<Store, 'forgeApps' | 'forgeConnections' | 'repositories' | 'settings'>
  settings: ForgeApiSettings
  /** Private keys of Apps. */
  encryption: Encryption
  webhookKeys: { keys: string | null; file: string }
  signInKeys: { keys: string | null; file: string }
  addresses: PublicAddresses
  /** Tells the other processes. */
  changed(): void
  now: () => number
  logger: Logger
}

export interface ForgeServices {
  followed: FollowedForges
  administration: Omit<InternalForgesDeps, 'lookForInstallations' | 'connectRepository'>
  /** Keyrings of what deployer does not keep for itself alone. */
  keyrings: Encryption[]
}

/** Everything that holds credentials of forges. */
export async function createForgeServices(deps: ForgeServicesDeps): Promise<ForgeServices> {
  const { store, settings, encryption, addresses, changed, now, logger } = deps
  const keyring = (name: string, setting: string, keys: ForgeServicesDeps['webhookKeys'], use: 'webhook' | 'sign-in') =>
    createEncryption({ settings: store.settings, name, setting, ...keys, holdings: [forgeSecrets(store, use)], now })
  const webhook = keyring('webhook', 'WEBHOOK_KEYS', deps.webhookKeys, 'webhook')
  const signIn = keyring('sign-in', 'SIGN_IN_KEYS', deps.signInKeys, 'sign-in')
  const encryptions = { 'private-key': encryption, 'access-token': encryption, webhook, 'sign-in': signIn }
  const credentials = createForgeCredentials({ store, encryptions, now })
  const timeoutMs = settings.FORGE_TIMEOUT_MS
  const open = ({ forgeId, kind, baseUrl, apiUrl, appId }: ForgeApp, opener: string) => {
    const common = { instance: { forgeId, kind, baseUrl, apiUrl }, timeoutMs, now }
    return kind === 'github'
      ? createGitHubApi({ ...common, appId, privateKey: opener })
      : createGitLabApi({ ...common, token: opener, readToken: null, readUsername: null })
  }
  const configured = createForgeApis(settings, now)
  const followed = await createFollowedForges({ store, credentials, configured, open, logger })
  const github = githubInstance(settings)
  const common = { store, credentials, followed, changed, addresses, forgeTimeoutMs: timeoutMs, now, logger }
  return {
    followed,
    administration: {
      async noteActive(app) {
        await store.forgeApps.setHookActive(app, true)
        changed()
        await followed.look()
      },
      connect: createConnect({ ...common, github }),
      connectGitLab: createConnectGitLab({ ...common, gitlab: gitlabInstance(settings) }),
      rotation: createForgeRotation({
        ...common,
        open,
        rotateProjects: createRotateProjects({
          ...common,
          hooksOf: (instance, token) => createGitLabHooks({ instance, token, timeoutMs, now }),
          settleMs
        })
      }),
      followed,
      addresses,
      now
    },
    keyrings: [webhook, signIn]
  }
}
