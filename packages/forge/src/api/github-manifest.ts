import type { ForgeInstance, FoundForgeApp } from '@slipway/domain'
import Type from 'typebox'
import { ForgeId, readAnswer } from './answer.ts'
import { askAnonymously } from './github-app.ts'

/*
 * https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
 */

/** What Slipway's App asks for, and nothing more. */
export const appPermissions = {
  contents: 'read',
  metadata: 'read',
  checks: 'write',
  statuses: 'write',
  deployments: 'write',
  pull_requests: 'read'
} as const

/**
 * What the App is told of. `installation` and `installation_repositories` come to every App; GitHub refuses a manifest that names
 * them, and one with an event that no permission covers.
 */
export const appEvents = ['push', 'check_run', 'check_suite', 'repository'] as const

export interface ManifestOptions {
  /** At most 34 characters; people may change it at GitHub, where it has to be unique. */
  name: string
  /** What the App is about, for people. */
  homepage: string
  /** Where deliveries go; null: no forge could reach it, and the App's webhook is made inactive. */
  hookUrl: string | null
  redirectUrl: string
  setupUrl: string
  /** Where sign-in with the App may end. */
  callbackUrls: string[]
  /** False: it can only be installed on the account that owns it. */
  isPublic: boolean
}

export function manifestOf(options: ManifestOptions): Record<string, unknown> {
  const { name, homepage, hookUrl, redirectUrl, setupUrl, callbackUrls, isPublic } = options
  return {
    name,
    url: homepage,
    description: 'Turns a git push into running functions.',
    // GitHub wants an address in any case, one of the public internet, and asks nothing there while the hook is inactive.
    hook_attributes: { url: hookUrl ?? 'https://example.com/webhooks/github', active: hookUrl !== null },
    redirect_url: redirectUrl,
    setup_url: setupUrl,
    setup_on_update: false,
    ...(callbackUrls.length === 0 ? {} : { callback_urls: callbackUrls }),
    request_oauth_on_install: false,
    public: isPublic,
    default_permissions: appPermissions,
    default_events: appEvents
  }
}

/** Where the form with the manifest is sent. */
export function manifestFormUrl(
  instance: Pick<ForgeInstance, 'baseUrl'>,
  organization: string | null,
  state: string
): string {
  const path = organization === null ? '' : `/organizations/${encodeURIComponent(organization)}`
  return `${instance.baseUrl}${path}/settings/apps/new?state=${encodeURIComponent(state)}`
}

/** A new App with everything that opens it. */
export type ConvertedApp = Omit<FoundForgeApp, 'permissions' | 'events'> & {
  privateKey: string
  /** null: GitHub made none; it has to be given one. */
  webhookSecret: string | null
  clientId: string
  clientSecret: string
}

const ConversionAnswer = Type.Object({
  id: ForgeId,
  slug: Type.String({ pattern: '^[A-Za-z0-9-]+$' }),
  html_url: Type.String({ pattern: '^https?://' }),
  owner: Type.Object({ login: Type.String({ minLength: 1 }), type: Type.Optional(Type.String()) }),
  pem: Type.String({ pattern: '-----BEGIN [A-Z ]*PRIVATE KEY-----' }),
  webhook_secret: Type.Union([Type.String({ minLength: 16 }), Type.Null()]),
  client_id: Type.String({ minLength: 1 }),
  client_secret: Type.String({ minLength: 1 })
})

/**
 * What GitHub gives for the code that it sent a person back with. A code is good once, for an hour.
 *
 * @throws Failure `not-found` for a code that is spent, over or none
 */
export async function convertManifestCode(
  config: { instance: ForgeInstance; timeoutMs?: number; now: () => number },
  code: string,
  signal: AbortSignal
): Promise<ConvertedApp> {
  const route = 'POST /app-manifests/{code}/conversions'
  const answer = readAnswer('GitHub', route, ConversionAnswer, await askAnonymously(config, route, { code }, signal))
  return {
    appId: String(answer.id),
    slug: answer.slug,
    htmlUrl: answer.html_url,
    ownerLogin: answer.owner.login,
    isOrganization: answer.owner.type === 'Organization',
    privateKey: answer.pem,
    webhookSecret: answer.webhook_secret,
    clientId: answer.client_id,
    clientSecret: answer.client_secret
  }
}
