import { Failure } from '@slipway/domain'
import { credentialOf, isLoopback, type RegistryAuth, type RegistryCredential } from './reference.ts'

export interface RegistryRequest {
  method: 'HEAD' | 'GET' | 'DELETE' | 'POST' | 'PUT'
  /** Below `/v2/`, or where the registry said that an upload goes on. */
  path: string | URL
  headers?: Record<string, string>
  body?: Uint8Array | ReadableStream<Uint8Array>
  /** How long it may take; the usual 10 s are for what answers at once. */
  timeoutMs?: number
}

const timeoutMs = 10_000

/**
 * One request to a registry, with a password or a token where it wants one. A registry with tokens says at the first request where
 * to get one, so a body is only sent to one that lets us in: ask for something small first.
 *
 * @throws Failure `unavailable`, `forbidden`
 */
export async function askRegistry(
  host: string,
  request: RegistryRequest,
  auth: RegistryAuth,
  signal: AbortSignal
): Promise<Response> {
  const credential = credentialOf(auth, host)
  try {
    const url = urlOf(host, request.path)
    const answer = await ask(url, request, credential === null ? null : basic(credential), signal)
    const challenge = answer.headers.get('www-authenticate')
    const isRefused = answer.status === 401 && challenge !== null && /^Bearer /i.test(challenge)
    if (!isRefused || request.body instanceof ReadableStream) return allowed(host, answer)
    return allowed(host, await ask(url, request, `Bearer ${await fetchToken(challenge, credential, signal)}`, signal))
  } catch (err) {
    signal.throwIfAborted()
    if (err instanceof Failure) throw err
    throw new Failure('unavailable', `the registry ${host} does not answer`, { cause: err })
  }
}

function urlOf(host: string, path: string | URL): URL {
  if (path instanceof URL) return path
  const server = host === 'docker.io' ? 'registry-1.docker.io' : host
  return new URL(`${isLoopback(server) ? 'http' : 'https'}://${server}/v2/${path}`)
}

function allowed(host: string, answer: Response): Response {
  if (answer.status !== 401 && answer.status !== 403) return answer
  throw new Failure('forbidden', `the registry ${host} does not let Slipway do this: check its user name and password`)
}

async function ask(
  url: URL,
  { method, headers = {}, body, timeoutMs: limitMs = timeoutMs }: RegistryRequest,
  authorization: string | null,
  signal: AbortSignal
): Promise<Response> {
  return fetch(url, {
    method,
    headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
    ...(body === undefined ? {} : { body, duplex: 'half' }),
    redirect: method === 'GET' ? 'follow' : 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
  })
}

/** https://distribution.github.io/distribution/spec/auth/token/ */
async function fetchToken(
  challenge: string,
  credential: RegistryCredential | null,
  signal: AbortSignal
): Promise<string> {
  const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((found) => [found[1], found[2]]))
  const realm = new URL(fields.realm ?? '')
  if (realm.protocol !== 'https:' && !isLoopback(realm.host)) {
    throw new Failure('unavailable', `the registry wants its password sent to ${realm.host} without encryption`)
  }
  for (const name of ['service', 'scope'] as const) {
    if (fields[name] !== undefined) realm.searchParams.set(name, fields[name])
  }
  const answer = await fetch(realm, {
    headers: credential === null ? {} : { authorization: basic(credential) },
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  })
  if (!answer.ok) throw new Failure('forbidden', `${realm.host} gave no token for the registry (${answer.status})`)
  const body = (await answer.json()) as { token?: unknown; access_token?: unknown }
  const token = body.token ?? body.access_token
  if (typeof token !== 'string') throw new Failure('unavailable', `${realm.host} gave no token for the registry`)
  return token
}

function basic({ username, password }: RegistryCredential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
