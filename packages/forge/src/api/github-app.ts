import { createPrivateKey } from 'node:crypto'
import { Failure, type ForgeInstance } from '@slipway/domain'
import Type from 'typebox'
import { defaultTimeoutMs, failureOf, noAnswer, readAnswer } from './answer.ts'

export interface GitHubAppConfig {
  instance: ForgeInstance
  appId: number | string
  /** PEM. */
  privateKey: string
  fetch?: typeof fetch
  /** Of one call; 10 s unless set. */
  timeoutMs?: number
  now: () => number
}

export type Parameters = Record<string, unknown>

export interface InstallationToken {
  token: string
  expiresAt: number
}

/** The calls of a GitHub App: as itself, and with tokens of its installations. */
export interface GitHubApp {
  asApp(route: string, parameters: Parameters, signal: AbortSignal): Promise<unknown>
  asInstallation(
    installationId: string,
    repositoryId: string | null,
    route: string,
    parameters: Parameters,
    signal: AbortSignal
  ): Promise<unknown>
  /** A token for reading one repository's files. */
  readToken(installationId: string, repositoryId: string, signal: AbortSignal): Promise<InstallationToken>
}

const TokenAnswer = Type.Object({ token: Type.String({ minLength: 1 }), expires_at: Type.String() })

/** A token lives an hour and is used while it has at least this left. */
const tokenRestMs = 10 * 60_000
const tokenLimit = 10_000

interface Requester {
  request(route: string, parameters?: Parameters): Promise<{ data: unknown }>
}

/** @octokit is loaded with the first call: a process that only knows that there is a GitHub need not hold it in memory. */
function createOctokits({ instance, appId, privateKey, fetch }: GitHubAppConfig) {
  const options = {
    baseUrl: instance.apiUrl,
    // what octokit wants to say, it says in its errors
    log: { debug() {}, info() {}, warn() {}, error() {} },
    request: fetch === undefined ? {} : { fetch }
  }
  const load = async () => {
    const [{ App }, { Octokit }] = await Promise.all([import('@octokit/app'), import('@octokit/core')])
    const app = new App({ appId, privateKey, Octokit: Octokit.defaults(options), log: options.log })
    return {
      app: app.octokit as Requester,
      withToken: (auth: string) => new Octokit({ ...options, auth }) as Requester
    }
  }
  let loaded: ReturnType<typeof load> | null = null
  return () => {
    loaded ??= load()
    return loaded
  }
}

/** @throws Failure `invalid-configuration` for a key that is none. */
export function createGitHubApp(config: GitHubAppConfig): GitHubApp {
  assertKey(config.privateKey)
  const { now, timeoutMs = defaultTimeoutMs } = config
  const octokits = createOctokits(config)
  const tokens = new Map<string, InstallationToken>()

  async function call(
    octokit: Requester,
    route: string,
    parameters: Parameters,
    signal: AbortSignal
  ): Promise<unknown> {
    signal.throwIfAborted()
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    try {
      return (await octokit.request(route, { ...parameters, request: { signal: deadline } })).data
    } catch (err) {
      signal.throwIfAborted()
      throw translate(err, route, now())
    }
  }

  async function asApp(route: string, parameters: Parameters, signal: AbortSignal): Promise<unknown> {
    return call((await octokits()).app, route, parameters, signal)
  }

  async function tokenOf(key: string, installationId: string, scope: Parameters, signal: AbortSignal) {
    const kept = tokens.get(key)
    if (kept !== undefined && kept.expiresAt - now() >= tokenRestMs) return kept
    const route = 'POST /app/installations/{installation_id}/access_tokens'
    const data = await asApp(route, { installation_id: Number(installationId), ...scope }, signal)
    const answer = readAnswer('GitHub', route, TokenAnswer, data)
    const made = { token: answer.token, expiresAt: Date.parse(answer.expires_at) }
    if (tokens.size >= tokenLimit) tokens.clear()
    tokens.set(key, made)
    return made
  }

  return {
    asApp,
    async asInstallation(installationId, repositoryId, route, parameters, signal) {
      const { withToken } = await octokits()
      const key = `${installationId} ${repositoryId ?? '*'}`
      const scope = repositoryId === null ? {} : { repository_ids: [Number(repositoryId)] }
      const { token } = await tokenOf(key, installationId, scope, signal)
      try {
        return await call(withToken(token), route, parameters, signal)
      } catch (err) {
        if (!(err instanceof Failure) || err.code !== 'invalid-configuration') throw err
        // The token was revoked before its time, which happens when an App is installed anew: the next one is fresh.
        tokens.delete(key)
        const next = await tokenOf(key, installationId, scope, signal)
        return await call(withToken(next.token), route, parameters, signal)
      }
    },
    readToken: (installationId, repositoryId, signal) =>
      tokenOf(
        `${installationId} ${repositoryId} contents:read`,
        installationId,
        { repository_ids: [Number(repositoryId)], permissions: { contents: 'read' } },
        signal
      )
  }
}

/** octokit's errors have a status; a response only when GitHub answered. What has none is a bug, and stays what it is. */
function translate(err: unknown, route: string, now: number): unknown {
  if (!(err instanceof Error)) return err
  const { response, status } = err as { response?: { headers: Record<string, string>; data: unknown }; status?: number }
  if (response !== undefined && status !== undefined) {
    return failureOf({ forge: 'GitHub', call: route, status, headers: response.headers, body: response.data }, now, err)
  }
  const isUnanswered = status !== undefined || err.name === 'AbortError' || err.name === 'TimeoutError'
  return isUnanswered ? noAnswer('GitHub', route, err) : err
}

/** @throws Failure `invalid-configuration` here rather than with the first call. */
function assertKey(privateKey: string): void {
  try {
    if (createPrivateKey(privateKey).asymmetricKeyType === 'rsa') return
  } catch (err) {
    throw new Failure('invalid-configuration', "the GitHub App's key cannot be read: give the whole PEM file", {
      cause: err
    })
  }
  throw new Failure('invalid-configuration', "the GitHub App's key is no RSA key: take the one that GitHub made")
}
