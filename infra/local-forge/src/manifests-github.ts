import { randomBytes } from 'node:crypto'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import type { Core } from './core.ts'
import { newAppKey } from './github-app.ts'
import { refusal } from './rest.ts'
import { type App, type OAuthClient, type Permissions, Permissions as PermissionsSchema } from './state.ts'

const Url = Type.String({ pattern: '^https?://' })

/** https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#github-app-manifest-parameters */
export const Manifest = Type.Object({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 34 })),
  url: Url,
  hook_attributes: Type.Optional(Type.Object({ url: Url, active: Type.Optional(Type.Boolean()) })),
  redirect_url: Type.Optional(Url),
  callback_urls: Type.Optional(Type.Array(Url, { maxItems: 10 })),
  setup_url: Type.Optional(Url),
  setup_on_update: Type.Optional(Type.Boolean()),
  request_oauth_on_install: Type.Optional(Type.Boolean()),
  description: Type.Optional(Type.String()),
  public: Type.Optional(Type.Boolean()),
  default_events: Type.Optional(Type.Array(Type.String())),
  default_permissions: Type.Optional(PermissionsSchema)
})
export type Manifest = Static<typeof Manifest>

/** Which permission an event needs. Events about the App itself come by themselves and cannot be asked for. */
const permissionOfEvent: Record<string, string> = {
  push: 'contents',
  repository: 'metadata',
  check_run: 'checks',
  check_suite: 'checks',
  deployment: 'deployments',
  deployment_status: 'deployments',
  pull_request: 'pull_requests',
  status: 'statuses'
}

const codeLifeMs = 3_600_000

export interface Manifests {
  /** @throws a refusal in GitHub's words */
  read(text: string): Manifest
  /** The forge's one App is this one from now on; the former one is gone with its installations. @returns the code that opens it */
  register(manifest: Manifest, about: { name: string; organization: string | null }): Promise<string>
  /** Once, within an hour. */
  convert(code: string): { clientSecret: string; webhookSecret: string | null } | null
}

export function createManifests({
  state,
  accounts,
  developer,
  app,
  oauthClient,
  now
}: Pick<Core, 'state' | 'accounts' | 'developer' | 'now'> & { app: App; oauthClient: OAuthClient }): Manifests {
  const codes = new Map<string, { until: number; webhookSecret: string | null }>()

  function setHook(manifest: Manifest): string | null {
    const { hook_attributes: hook } = manifest
    state.data.webhooks = state.data.webhooks.filter(({ repositoryId }) => repositoryId !== null)
    if (hook === undefined) return null
    const secret = randomBytes(20).toString('hex')
    const { url, active: isActive = true } = hook
    const id = state.nextId()
    const none = { token: null, signingToken: null, repositoryId: null }
    state.data.webhooks.push({ id, uuid: String(id), url, secret, ...none, isActive })
    return secret
  }

  return {
    read(text) {
      const manifest = parsed(text)
      if (!Value.Check(Manifest, manifest)) {
        const [problem] = Value.Errors(Manifest, manifest)
        throw refusal(422, `Invalid GitHub App configuration: ${problem?.instancePath} ${problem?.message}`)
      }
      const { default_events: events = [], default_permissions: permissions = {} } = manifest
      const unsupported = events.filter((event) => permissionOfEvent[event] === undefined)
      if (unsupported.length > 0) throw refusal(422, `Default events unsupported: ${unsupported.join(', ')}`)
      const uncovered = events.filter((event) => permissions[permissionOfEvent[event] ?? ''] === undefined)
      if (uncovered.length > 0) {
        throw refusal(422, `Default events are not supported by permissions: ${uncovered.join(', ')}`)
      }
      return manifest
    },
    async register(manifest, { name, organization }) {
      const owner = organization === null ? developer : accounts.ensure(organization, 'Organization')
      const privateKey = await newAppKey()
      const id = state.nextId()
      const permissions: Permissions = { metadata: 'read', ...manifest.default_permissions }
      state.data.installations = []
      state.data.tokens = state.data.tokens.filter(({ installationId }) => installationId === null)
      Object.assign(app, {
        id,
        accountId: owner.id,
        slug: name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
        clientId: `Iv23li${String(id).padStart(14, '0')}`,
        privateKey,
        moreKeys: [],
        createdAt: now(),
        manifest: {
          name,
          permissions,
          events: manifest.default_events ?? [],
          setupUrl: manifest.setup_url ?? null,
          isPublic: manifest.public ?? false
        }
      } satisfies App)
      Object.assign(oauthClient, {
        clientId: app.clientId,
        clientSecret: randomBytes(20).toString('hex'),
        callbackUrls: manifest.callback_urls ?? []
      })
      const webhookSecret = setHook(manifest)
      state.changed()
      const code = randomBytes(20).toString('hex')
      codes.set(code, { until: now() + codeLifeMs, webhookSecret })
      return code
    },
    convert(code) {
      const found = codes.get(code)
      codes.delete(code)
      if (found === undefined || found.until <= now()) return null
      return { clientSecret: oauthClient.clientSecret, webhookSecret: found.webhookSecret }
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw refusal(422, 'Invalid GitHub App configuration: the manifest is not JSON')
  }
}
