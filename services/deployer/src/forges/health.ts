import { lookup } from 'node:dns/promises'
import type { ForgeHealth, ForgeProblem } from '@slipway/client'
import {
  type AttemptedDelivery,
  Failure,
  type ForgeApi,
  type ForgeApp,
  type ForgeAppApi,
  type FoundForgeApp
} from '@slipway/domain'
import { appEvents, appPermissions } from '@slipway/forge'
import { appSettingsUrl } from './connect.ts'

const https = process.getBuiltinModule('node:https')
const http = process.getBuiltinModule('node:http')

export interface HealthDeps {
  forge: ForgeApi
  /** null: its credentials are in the environment. */
  app: ForgeApp | null
  /** Where it is to deliver; null: it cannot. */
  webhookUrl: string | null
}

type CheckedForge = Pick<ForgeHealth, 'app' | 'installations' | 'lastAttempt' | 'problems'>
export type FoundHealth = CheckedForge & Pick<ForgeHealth, 'limits' | 'lastError'>

/** Holds an App at its forge against what is needed here, and says of each thing that is wrong what to do; and how calls to it fare. */
export async function checkForge(deps: HealthDeps, signal: AbortSignal): Promise<FoundHealth> {
  const { forge } = deps
  const logins = new Map<string, string>()
  const found =
    forge.app === null
      ? await checkHooks(forge, deps.webhookUrl, deps.app !== null, signal)
      : await checkApp(deps, forge.app, logins, signal)
  const { limits, lastError } = forge.standing()
  const whose = (id: string | null) => (id === null ? "the token's account" : (logins.get(id) ?? `installation ${id}`))
  return {
    ...found,
    limits: limits.map(({ installationId, ...limit }) => ({ whose: whose(installationId), ...limit })),
    lastError
  }
}

/** @param logins gets to know whose which installation is */
async function checkApp(
  { forge, app, webhookUrl }: HealthDeps,
  api: ForgeAppApi,
  logins: Map<string, string>,
  signal: AbortSignal
): Promise<CheckedForge> {
  const { baseUrl } = forge.instance
  let found: FoundForgeApp
  try {
    found = await api.describe(signal)
  } catch (err) {
    signal.throwIfAborted()
    if (!(err instanceof Failure)) throw err
    return { app: null, installations: [], lastAttempt: null, problems: [unanswered(err)] }
  }
  const organization = found.isOrganization ? found.ownerLogin : null
  const settingsUrl = `${appSettingsUrl(baseUrl, organization)}/${found.slug}`
  const [installations, address, deliveries, reached] = await Promise.all([
    api.installations(signal),
    api.hookAddress(signal),
    api.recentDeliveries(signal),
    webhookUrl === null ? null : checkAddress(webhookUrl, signal)
  ])
  for (const { installationId, login } of installations) logins.set(installationId, login)
  const last = deliveries[0] ?? null
  const isDelivering = deliveries.some(({ statusCode }) => statusCode >= 200 && statusCode < 300)
  const problems = [
    ...grants(found, settingsUrl),
    ...outdated(found, installations, baseUrl),
    ...(reached === null ? [] : [reached]),
    ...(webhookUrl === null ? [] : hook({ address, webhookUrl, settingsUrl, app, isDelivering })),
    ...(webhookUrl === null || last === null ? [] : delivered(last))
  ]
  return {
    app: {
      id: found.appId,
      slug: found.slug,
      owner: found.ownerLogin,
      url: found.htmlUrl,
      installUrl: `${found.htmlUrl}/installations/new`,
      settingsUrl
    },
    installations: installations.map(({ login, isSuspended }) => ({ login, isSuspended })),
    lastAttempt: last,
    problems
  }
}

/** Where every project has a hook of its own: what is the same for all of them. */
async function checkHooks(
  forge: ForgeApi,
  webhookUrl: string | null,
  isConnected: boolean,
  signal: AbortSignal
): Promise<CheckedForge> {
  const asked = forge.identity(signal).then(
    () => null,
    (err: unknown) => {
      signal.throwIfAborted()
      if (!(err instanceof Failure)) throw err
      return unanswered(err, forge.instance.kind)
    }
  )
  const reached = webhookUrl === null || !isConnected ? null : checkAddress(webhookUrl, signal)
  const problems = (await Promise.all([asked, reached])).filter((one) => one !== null)
  return { app: null, installations: [], lastAttempt: null, problems }
}

function unanswered(err: Failure, kind = 'github'): ForgeProblem {
  if (err.code === 'invalid-configuration' && kind !== 'github') {
    const message = 'the forge refuses the token: it was revoked, or has expired'
    return { what: 'credentials', message, fix: `"slipway connect ${kind} <project> --token --replace" keeps another` }
  }
  if (err.code === 'invalid-configuration') {
    const message = 'the forge refuses the App: it was deleted, or its key was'
    return { what: 'credentials', message, fix: '"slipway connect github --replace" connects another App' }
  }
  return { what: 'forge', message: err.message, fix: 'it is asked again' }
}

const levels = ['read', 'write']

function grants(found: FoundForgeApp, settingsUrl: string): ForgeProblem[] {
  const lacking = Object.entries(appPermissions).filter(
    ([name, level]) => levels.indexOf(found.permissions[name] ?? '') < levels.indexOf(level)
  )
  const unheard = appEvents.filter((event) => !found.events.includes(event))
  const fix = `change it at ${settingsUrl}/permissions, and accept it where the App is installed`
  return [
    ...(lacking.length === 0
      ? []
      : [
          {
            what: 'permissions' as const,
            message: `the App lacks ${lacking.map(([n, l]) => `${n}: ${l}`).join(', ')}`,
            fix
          }
        ]),
    ...(unheard.length === 0
      ? []
      : [{ what: 'events' as const, message: `the App is not told of ${unheard.join(', ')}`, fix }])
  ]
}

function outdated(
  found: FoundForgeApp,
  installations: Awaited<ReturnType<NonNullable<ForgeApi['app']>['installations']>>,
  baseUrl: string
): ForgeProblem[] {
  if (installations.length === 0) {
    const fix = `install it: ${found.htmlUrl}/installations/new`
    return [{ what: 'installation', message: 'the App is installed nowhere', fix }]
  }
  const behind = installations.filter(({ permissions }) =>
    Object.entries(found.permissions).some(
      ([name, level]) => levels.indexOf(permissions[name] ?? '') < levels.indexOf(level)
    )
  )
  if (behind.length === 0) return []
  const message = `${behind.map(({ login }) => login).join(', ')} did not accept the App's new permissions yet`
  return [{ what: 'permissions', message, fix: `its owner accepts them at ${baseUrl}/settings/installations` }]
}

function hook({
  address,
  webhookUrl,
  settingsUrl,
  app,
  isDelivering
}: {
  address: string | null
  webhookUrl: string
  settingsUrl: string
  app: ForgeApp | null
  isDelivering: boolean
}): ForgeProblem[] {
  if (app?.isHookActive === false && !isDelivering) {
    const message = 'the App was made without a reachable address, and its webhook is inactive'
    return [{ what: 'hook', message, fix: `set "Active" and the address ${webhookUrl} at ${settingsUrl}` }]
  }
  if (address === webhookUrl) return []
  const message = address === null ? 'the App has no webhook' : `the App delivers to ${address}`
  return [{ what: 'hook', message, fix: `set the address ${webhookUrl} at ${settingsUrl}` }]
}

/** Why the newest delivery did not arrive, as the forge tells it. */
function delivered({ statusCode, status }: AttemptedDelivery): ForgeProblem[] {
  if (statusCode >= 200 && statusCode < 300) return []
  if (statusCode === 401) {
    const fix = '"slipway admin rotate webhook-secret" gives it another'
    return [{ what: 'secret', message: 'the last delivery was signed with another secret', fix }]
  }
  if (statusCode > 0) {
    const message = `the last delivery was answered with ${statusCode}`
    return [{ what: 'delivery', message, fix: 'look at what stands before the receiver, and at the log' }]
  }
  const fix = 'mend it, then redeliver or push'
  return [{ what: wayOf(status), message: `the last delivery did not arrive: ${status}`, fix }]
}

/** What a forge's words for a delivery that did not arrive are about. */
export function wayOf(words: string): 'dns' | 'tls' | 'address' {
  if (/resolv|name or service|getaddrinfo|no such host|dns/i.test(words)) return 'dns'
  return /ssl|tls|certificate/i.test(words) ? 'tls' : 'address'
}

const probeMs = 5000

/** What this machine itself sees at the address that the forge is given. null: a receiver of ours answers. */
export async function checkAddress(webhookUrl: string, signal: AbortSignal): Promise<ForgeProblem | null> {
  const url = new URL(webhookUrl)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  try {
    await lookup(host)
  } catch {
    return { what: 'dns', message: `${host} does not resolve`, fix: 'make a DNS record for it, or change PUBLIC_URL' }
  }
  try {
    const { status, body } = await ask(url, AbortSignal.any([signal, AbortSignal.timeout(probeMs)]))
    if (status === 404 && body.includes('"not-found"')) return null
    const message = `${webhookUrl} is answered by something else (${status})`
    return { what: 'address', message, fix: 'have the reverse proxy pass /webhooks/ on to the receiver' }
  } catch (err) {
    signal.throwIfAborted()
    const code = (err as NodeJS.ErrnoException).code ?? (err as Error).name
    if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|ALTNAME|EPROTO/.test(code)) {
      const fix = 'forges take only certificates that everybody trusts (Let’s Encrypt gives one)'
      return { what: 'tls', message: `the certificate of ${host} does not hold (${code})`, fix }
    }
    const message = `nothing answers at ${url.origin} (${code})`
    return { what: 'address', message, fix: 'open the port, and have the reverse proxy pass /webhooks/ on' }
  }
}

function ask(url: URL, signal: AbortSignal): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { get } = url.protocol === 'https:' ? https : http
    get(url, { signal, agent: false, headers: { connection: 'close' } }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        body = (body + part).slice(0, 4096)
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', reject)
    }).on('error', reject)
  })
}
