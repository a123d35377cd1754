import { Failure } from '@slipway/domain'
import {
  credentialOf,
  isLoopback,
  parseReference,
  type RegistryAuth,
  type RegistryCredential
} from './registry-auth.ts'

const manifestTypes = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json'
].join(', ')

const timeoutMs = 10_000

/**
 * What the registry itself has under a name, tag or digest: `sha256:…`; null when it has nothing.
 *
 * @throws Failure `unavailable`, `forbidden`
 */
export async function digestInRegistry(
  reference: string,
  auth: RegistryAuth,
  signal: AbortSignal
): Promise<string | null> {
  const { host, path, tag, digest } = parseReference(reference)
  const server = host === 'docker.io' ? 'registry-1.docker.io' : host
  const url = `${isLoopback(server) ? 'http' : 'https'}://${server}/v2/${path}/manifests/${digest ?? tag ?? 'latest'}`
  try {
    const answer = await askWithToken(url, credentialOf(auth, host), signal)
    if (answer.status === 404) return null
    if (answer.status === 401 || answer.status === 403) {
      const advice = 'check its user name and password'
      throw new Failure('forbidden', `the registry ${host} does not let Slipway read ${path}: ${advice}`)
    }
    const found = answer.headers.get('docker-content-digest')
    if (answer.ok && found !== null) return found
    throw new Failure('unavailable', `the registry ${host} answered ${answer.status} for ${path}`)
  } catch (err) {
    signal.throwIfAborted()
    if (err instanceof Failure) throw err
    throw new Failure('unavailable', `the registry ${host} does not answer`, { cause: err })
  }
}

/** A registry with tokens says at the first request where to get one. */
async function askWithToken(
  url: string,
  credential: RegistryCredential | null,
  signal: AbortSignal
): Promise<Response> {
  const answer = await ask(url, credential === null ? null : basic(credential), signal)
  const challenge = answer.headers.get('www-authenticate')
  if (answer.status !== 401 || challenge === null || !/^Bearer /i.test(challenge)) return answer
  return ask(url, `Bearer ${await fetchToken(challenge, credential, signal)}`, signal)
}

async function ask(url: string, authorization: string | null, signal: AbortSignal): Promise<Response> {
  return fetch(url, {
    method: 'HEAD',
    headers: { accept: manifestTypes, ...(authorization === null ? {} : { authorization }) },
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
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
