import { Failure, type ForgeApi, type ForgeInstance, isGuessable, type WebhookSource } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import { defaultTimeoutMs } from './api/answer.ts'
import { createGitHubApi } from './api/github.ts'
import { createGitLabApi } from './api/gitlab.ts'
import { createGitHubWebhooks } from './webhooks/github.ts'
import { createGitLabWebhooks } from './webhooks/gitlab.ts'

const Url = Type.String({ pattern: '^https?://[^/?#\\s]+[^?#\\s]*$' })

/** Which forges there are. Part of a service's own schema, as are the two below. */
export const instanceSettings = {
  GITHUB_FORGE_ID: Type.String({
    default: 'github',
    pattern: '^[a-z][a-z0-9-]{0,62}$',
    description:
      'What GitHub is called in identities. Never change it: who and what was known under another one is unknown then.'
  }),
  GITHUB_URL: Type.String({ ...Url, default: 'https://github.com', description: 'GitHub, or a GitHub Enterprise.' }),
  GITHUB_API_URL: Type.Optional(
    Type.String({ ...Url, description: "Unset: GitHub's own, or what GitHub Enterprise has below GITHUB_URL." })
  ),
  GITLAB_FORGE_ID: Type.String({
    default: 'gitlab',
    pattern: '^[a-z][a-z0-9-]{0,62}$',
    description: 'The same for GitLab.'
  }),
  GITLAB_URL: Type.String({ ...Url, default: 'https://gitlab.com', description: 'GitLab, or one of your own.' }),
  GITLAB_API_URL: Type.Optional(Type.String({ ...Url, description: 'Unset: `/api/v4` below GITLAB_URL.' }))
}

/** For who receives webhooks. A forge without a secret here has no webhook address. */
export const webhookSettings = {
  ...instanceSettings,
  GITHUB_WEBHOOK_SECRET: Type.Optional(
    Type.String({
      minLength: 16,
      description: "The secret of the App's webhook. Not needed after `slipway connect github`."
    })
  ),
  GITHUB_WEBHOOK_SECRET_PREVIOUS: Type.Optional(
    Type.String({
      minLength: 16,
      description: 'The former secret, accepted as well while the secret is changed at GitHub.'
    })
  ),
  GITLAB_WEBHOOK_SIGNING_TOKEN: Type.Optional(
    Type.String({ pattern: '^whsec_', description: '`whsec_…`: deliveries of GitLab have to be signed.' })
  ),
  GITLAB_WEBHOOK_TOKEN: Type.Optional(
    Type.String({
      minLength: 16,
      description: 'Only for a GitLab that cannot sign. Not looked at when the signing token is set.'
    })
  )
}

/** For who calls the forges: only `deployer`. A forge without credentials here is not called. */
export const forgeApiSettings = {
  ...instanceSettings,
  GITHUB_APP_ID: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'The number of the GitHub App. Not needed after `slipway connect github`.'
    })
  ),
  GITHUB_PRIVATE_KEY: Type.Optional(
    Type.String({
      pattern: '-----BEGIN [A-Z ]*PRIVATE KEY-----',
      description: 'PEM; line feeds may be written as `\\n`.'
    })
  ),
  GITLAB_TOKEN: Type.Optional(
    Type.String({ minLength: 1, description: 'Of a project, group or service account; scope `api`.' })
  ),
  GITLAB_READ_TOKEN: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'What git reads private repositories with; scope `read_repository`. A deploy token needs its user name, too.'
    })
  ),
  GITLAB_READ_USERNAME: Type.Optional(
    Type.String({ minLength: 1, description: 'The user name that belongs to GITLAB_READ_TOKEN; unset: `oauth2`.' })
  ),
  FORGE_TIMEOUT_MS: Type.Integer({
    default: defaultTimeoutMs,
    minimum: 1000,
    description: 'How long a call to a forge may take.'
  })
}

const InstanceSettings = Type.Object(instanceSettings)
export type InstanceSettings = Static<typeof InstanceSettings>
const WebhookSettings = Type.Object(webhookSettings)
const ForgeApiSettings = Type.Object(forgeApiSettings)
export type WebhookSettings = Static<typeof WebhookSettings>
export type ForgeApiSettings = Static<typeof ForgeApiSettings>

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}

export function githubInstance(settings: InstanceSettings): ForgeInstance {
  const { GITHUB_FORGE_ID: forgeId, GITHUB_URL: url, GITHUB_API_URL: apiUrl } = settings
  const instance = githubInstanceAt(forgeId, url)
  return apiUrl === undefined ? instance : { ...instance, apiUrl: withoutSlash(apiUrl) }
}

/** GitHub's own, or a GitHub Enterprise at this address. */
export function githubInstanceAt(forgeId: string, url: string): ForgeInstance {
  const baseUrl = withoutSlash(url)
  const apiUrl = baseUrl === 'https://github.com' ? 'https://api.github.com' : `${baseUrl}/api/v3`
  return { forgeId, kind: 'github', baseUrl, apiUrl }
}

export function gitlabInstance(settings: InstanceSettings): ForgeInstance {
  const { GITLAB_FORGE_ID: forgeId, GITLAB_URL: url, GITLAB_API_URL: apiUrl } = settings
  const instance = gitlabInstanceAt(forgeId, url)
  return apiUrl === undefined ? instance : { ...instance, apiUrl: withoutSlash(apiUrl) }
}

/** The GitLab at this address. */
export function gitlabInstanceAt(forgeId: string, url: string): ForgeInstance {
  const baseUrl = withoutSlash(url)
  return { forgeId, kind: 'gitlab', baseUrl, apiUrl: `${baseUrl}/api/v4` }
}

/** The forges that repositories may be at, with or without credentials. */
export function forgeInstances(settings: InstanceSettings): ForgeInstance[] {
  return [githubInstance(settings), gitlabInstance(settings)]
}

/** @throws Failure `invalid-configuration` for a secret that was left as an example has it; its value is not told */
export function assertNotGuessable<K extends string>(
  settings: { readonly [N in K]?: unknown },
  names: readonly K[]
): void {
  const bad = names.find((name) => {
    const value = settings[name]
    return typeof value === 'string' && isGuessable(value.replace(/^whsec_/, ''))
  })
  if (bad !== undefined) {
    throw new Failure(
      'invalid-configuration',
      `${bad} is a secret that anybody would guess: set a random one ("openssl rand -hex 32"), there and at the forge`
    )
  }
}

/** One source per forge that has a secret. @throws Failure `invalid-configuration` */
export function createWebhookSources(settings: WebhookSettings, now: () => number = Date.now): WebhookSource[] {
  assertNotGuessable(settings, [
    'GITHUB_WEBHOOK_SECRET',
    'GITHUB_WEBHOOK_SECRET_PREVIOUS',
    'GITLAB_WEBHOOK_SIGNING_TOKEN',
    'GITLAB_WEBHOOK_TOKEN'
  ])
  const sources: WebhookSource[] = []
  const secrets = [settings.GITHUB_WEBHOOK_SECRET, settings.GITHUB_WEBHOOK_SECRET_PREVIOUS].filter(
    (secret) => secret !== undefined
  )
  if (secrets.length > 0) sources.push(createGitHubWebhooks({ instance: githubInstance(settings), secrets }))
  const signingToken = settings.GITLAB_WEBHOOK_SIGNING_TOKEN ?? null
  const token = settings.GITLAB_WEBHOOK_TOKEN ?? null
  if (signingToken !== null || token !== null) {
    sources.push(createGitLabWebhooks({ instance: gitlabInstance(settings), signingToken, token, now }))
  }
  return sources
}

/** One per forge that has credentials. @throws Failure `invalid-configuration` for half of GitHub's. */
export function createForgeApis(settings: ForgeApiSettings, now: () => number = Date.now): ForgeApi[] {
  const apis: ForgeApi[] = []
  const { GITHUB_APP_ID: appId, GITHUB_PRIVATE_KEY: privateKey, GITLAB_TOKEN: token } = settings
  const about = { timeoutMs: settings.FORGE_TIMEOUT_MS, now }
  if ((appId === undefined) !== (privateKey === undefined)) {
    throw new Failure('invalid-configuration', 'GITHUB_APP_ID and GITHUB_PRIVATE_KEY go together: set both')
  }
  if (appId !== undefined && privateKey !== undefined) {
    const pem = privateKey.replaceAll(String.raw`\n`, '\n')
    apis.push(createGitHubApi({ instance: githubInstance(settings), appId, privateKey: pem, ...about }))
  }
  if (token !== undefined) {
    const readToken = settings.GITLAB_READ_TOKEN ?? null
    const readUsername = settings.GITLAB_READ_USERNAME ?? null
    apis.push(createGitLabApi({ instance: gitlabInstance(settings), token, readToken, readUsername, ...about }))
  }
  return apis
}
