import { createPrivateKey } from 'node:crypto'
import { Failure, type ForgeInstance, type ForgeStanding } from '@slipway/domain'
import Type from 'typebox'
import { createAllowance } from './allowance.ts'
import { defaultTimeoutMs, failureOf, noAnswer, readAnswer, tooSlow } from './answer.ts'
import { createKeptAnswers } from './conditional.ts'
import { createLastError } from './last-error.ts'
import { type CallFetch, leanFetch } from './lean-fetch.ts'

export interface GitHubAppConfig {
  instance: ForgeInstance
  appId: number | string
  /** PEM. */
  privateKey: string
  fetch?: CallFetch
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
  /** The same, as it was sent: GitHub's ids of deliveries are larger than JavaScript's numbers. */
  asAppInText(route: string, parameters: Parameters, signal: AbortSignal): Promise<{ text: string; link: string }>
  asInstallation(
    installationId: string,
    repositoryId: string | null,
    route: string,
    parameters: Parameters,
    signal: AbortSignal
  ): Promise<unknown>
  /**
   * As `asInstallation`, with a token for all of the installation's repositories, so that many can be asked about with one,
   * and conditional. @param urgency `whenever` leaves the last fifth of the installation's rate limit to others.
   */
  asked(
    installationId: string,
    route: string,
    parameters: Parameters,
    signal: AbortSignal,
    urgency: 'now' | 'whenever'
  ): Promise<unknown>
  standing(): ForgeStanding
  /** A token for reading one repository's files. */
  readToken(installationId: string, repositoryId: string, signal: AbortSignal): Promise<InstallationToken>
}

const TokenAnswer = Type.Object({ token: Type.String({ minLength: 1 }), expires_at: Type.String() })

/** A token lives an hour and is used while it has at least this left. */
const tokenRestMs = 10 * 60_000
const tokenLimit = 10_000

interface Answered {
  data: unknown
  headers: Record<string, string | number | undefined>
}

interface Requester {
  request(route: string, parameters?: Parameters): Promise<Answered>
}

function octokitOptions({ instance, fetch = leanFetch }: Pick<GitHubAppConfig, 'instance' | 'fetch'>) {
  return {
    baseUrl: instance.apiUrl,
    // what octokit wants to say, it says in its errors
    log: { debug() {}, info() {}, warn() {}, error() {} },
    request: { fetch }
  }
}

/** @octokit is loaded with the first call: a process that only knows that there is a GitHub need not hold it in memory. */
function createOctokits({ appId, privateKey, ...config }: GitHubAppConfig) {
  const options = octokitOptions(config)
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

type CallConfig = Pick<GitHubAppConfig, 'timeoutMs' | 'now'>

async function request(
  octokit: Requester,
  route: string,
  parameters: Parameters,
  { timeoutMs = defaultTimeoutMs, now }: CallConfig,
  signal: AbortSignal,
  options: Parameters = {}
): Promise<Answered> {
  signal.throwIfAborted()
  const timeout = AbortSignal.timeout(timeoutMs)
  const deadline = AbortSignal.any([signal, timeout])
  try {
    return await octokit.request(route, { ...parameters, request: { signal: deadline, ...options } })
  } catch (err) {
    signal.throwIfAborted()
    if (timeout.aborted) throw tooSlow('GitHub', route, timeoutMs, err)
    throw translate(err, route, now())
  }
}

/** A call that needs no credentials. */
export async function askAnonymously(
  config: Pick<GitHubAppConfig, 'instance' | 'fetch'> & CallConfig,
  route: string,
  parameters: Parameters,
  signal: AbortSignal
): Promise<unknown> {
  const { Octokit } = await import('@octokit/core')
  const octokit = new Octokit(octokitOptions(config)) as Requester
  return (await request(octokit, route, parameters, config, signal)).data
}

/** @throws Failure `invalid-configuration` for a key that is none. */
export function createGitHubApp(config: GitHubAppConfig): GitHubApp {
  assertKey(config.privateKey)
  const { now } = config
  const octokits = createOctokits(config)
  const tokens = new Map<string, InstallationToken>()
  const allowance = createAllowance('GitHub', now)
  const lastError = createLastError(now)
  const kept = createKeptAnswers()

  const call = (octokit: Requester, route: string, parameters: Parameters, signal: AbortSignal, options?: Parameters) =>
    lastError.noting(request(octokit, route, parameters, config, signal, options))

  async function asApp(route: string, parameters: Parameters, signal: AbortSignal): Promise<unknown> {
    return (await call((await octokits()).app, route, parameters, signal)).data
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

  async function withInstallation(
    installationId: string,
    repositoryId: string | null,
    signal: AbortSignal,
    work: (octokit: Requester) => Promise<Answered>
  ): Promise<Answered> {
    const { withToken } = await octokits()
    const key = `${installationId} ${repositoryId ?? '*'}`
    const scope = repositoryId === null ? {} : { repository_ids: [Number(repositoryId)] }
    const { token } = await tokenOf(key, installationId, scope, signal)
    try {
      return await work(withToken(token))
    } catch (err) {
      if (!(err instanceof Failure) || err.code !== 'invalid-configuration') throw err
      // The token was revoked before its time, which happens when an App is installed anew: the next one is fresh.
      tokens.delete(key)
      const next = await tokenOf(key, installationId, scope, signal)
      return await work(withToken(next.token))
    }
  }

  return {
    asApp,
    async asAppInText(route, parameters, signal) {
      const { app } = await octokits()
      const { data, headers } = await call(app, route, parameters, signal, { parseSuccessResponseBody: false })
      try {
        return { text: await textOf(data as AsyncIterable<Uint8Array>), link: String(headers.link ?? '') }
      } catch (err) {
        signal.throwIfAborted()
        throw noAnswer('GitHub', route, err)
      }
    },
    async asInstallation(installationId, repositoryId, route, parameters, signal) {
      const { data, headers } = await withInstallation(installationId, repositoryId, signal, (octokit) =>
        call(octokit, route, parameters, signal)
      )
      allowance.note(installationId, headers)
      return data
    },
    async asked(installationId, route, parameters, signal, urgency) {
      if (urgency === 'whenever') allowance.assertAmple(installationId)
      const key = `${installationId} ${route} ${JSON.stringify(parameters)}`
      try {
        const { data, headers } = await withInstallation(installationId, null, signal, (octokit) =>
          call(octokit, route, { ...parameters, headers: kept.condition(key) }, signal)
        )
        allowance.note(installationId, headers)
        kept.keep(key, headers.etag === undefined ? null : String(headers.etag), data)
        return data
      } catch (err) {
        allowance.note(installationId, headersOf(err))
        if (!(err instanceof NotModified)) throw err
        return kept.answer(key)
      }
    },
    standing: () => ({
      limits: allowance.list().map(({ key: installationId, ...limit }) => ({ installationId, ...limit })),
      lastError: lastError.get()
    }),
    readToken: (installationId, repositoryId, signal) =>
      tokenOf(
        `${installationId} ${repositoryId} contents:read`,
        installationId,
        { repository_ids: [Number(repositoryId)], permissions: { contents: 'read' } },
        signal
      )
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

/** GitHub's answer to a conditional call when nothing changed. octokit makes an error of it. */
class NotModified extends Error {
  readonly headers: Record<string, string>

  constructor(headers: Record<string, string>) {
    super('not modified')
    this.headers = headers
  }
}

function headersOf(err: unknown): Record<string, string> {
  if (err instanceof NotModified) return err.headers
  const { response } = ((err as Error).cause ?? {}) as { response?: { headers: Record<string, string> } }
  return response?.headers ?? {}
}

/** octokit's errors have a status; a response only when GitHub answered. What has none is a bug, and stays what it is. */
function translate(err: unknown, route: string, now: number): unknown {
  if (!(err instanceof Error)) return err
  const { response, status } = err as { response?: { headers: Record<string, string>; data: unknown }; status?: number }
  if (response !== undefined && status === 304) return new NotModified(response.headers)
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
