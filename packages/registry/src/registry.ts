import { Failure, type ImageLayer } from '@slipway/domain'
import { parseReference, type RegistryAuth } from './reference.ts'
import { askRegistry, type RegistryRequest } from './request.ts'

const manifestTypes = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json'
].join(', ')

/** A manifest as it is stored, byte for byte: its digest covers the bytes. */
export interface Manifest {
  mediaType: string
  bytes: Uint8Array
}

/** What is done with images without an engine. References are names as engines write them: `host/path:tag`, `host/path@sha256:…`. */
export interface RegistryClient {
  /** Does it answer, and let us in? @throws Failure `unavailable`, `forbidden` */
  ping(host: string, signal: AbortSignal): Promise<void>
  /** What the registry has under a name: `sha256:…`; null when it has nothing. @throws Failure `unavailable`, `forbidden` */
  digest(reference: string, signal: AbortSignal): Promise<string | null>
  /**
   * Removes a manifest, and every tag that leads to it. Its layers stay until the registry collects what nothing leads to.
   *
   * @returns false when it was not there
   * @throws Failure `unsupported` by a registry that removes nothing, `unavailable` by one that is away, `forbidden`, `bad-gateway` by one that
   *   does not remove this manifest
   */
  removeManifest(pinned: string, signal: AbortSignal): Promise<boolean>
  /** null when it is not there. @throws Failure `unavailable`, `forbidden` */
  manifest(pinned: string, signal: AbortSignal): Promise<Manifest | null>
  /** Everything that is stored of an image, its configuration included; empty when it is not there. @throws Failure `unavailable`, `forbidden` */
  layers(pinned: string, signal: AbortSignal): Promise<ImageLayer[]>
  putManifest(reference: string, manifest: Manifest, signal: AbortSignal): Promise<void>
  /** A layer or configuration of the named image's repository; null when it is not there. */
  blob(repository: string, digest: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array> | null>
  /** Stores a blob, which is read only when the registry does not have it yet. The registry checks the digest. */
  putBlob(
    repository: string,
    blob: { digest: string; size: number; open(): ReadableStream<Uint8Array> },
    signal: AbortSignal
  ): Promise<void>
  /** Makes a blob of one repository known in another of the same registry. @throws Failure `unavailable` when it is not there */
  mountBlob(repository: string, digest: string, from: string, signal: AbortSignal): Promise<void>
}

/** The fields of manifests and of lists of them that are used here (OCI image specification). */
interface ManifestBody {
  manifests?: { digest: string }[]
  config?: { digest: string; size: number }
  layers?: { digest: string; size: number }[]
}

/** One blob may be a whole base image, over a slow line. */
const transferMs = 30 * 60_000

export function createRegistryClient(auth: RegistryAuth): RegistryClient {
  const ask = (host: string, request: RegistryRequest, signal: AbortSignal) => askRegistry(host, request, auth, signal)
  const manifestPath = ({ path, tag, digest }: { path: string; tag: string | null; digest: string | null }) =>
    `${path}/manifests/${digest ?? tag ?? 'latest'}`

  return {
    async ping(host, signal) {
      const answer = await ask(host, { method: 'GET', path: '' }, signal)
      await answer.body?.cancel()
      if (!answer.ok) throw unexpected(host, answer, '')
    },
    async digest(reference, signal) {
      const { host, ...image } = parseReference(reference)
      const headers = { accept: manifestTypes }
      const answer = await ask(host, { method: 'HEAD', path: manifestPath(image), headers }, signal)
      if (answer.status === 404) return null
      const found = answer.headers.get('docker-content-digest')
      if (answer.ok && found !== null) return found
      throw unexpected(host, answer, image.path)
    },
    async removeManifest(pinned, signal) {
      const { host, ...image } = parseReference(pinned)
      const answer = await ask(host, { method: 'DELETE', path: manifestPath(image) }, signal)
      await answer.body?.cancel()
      if (answer.ok) return true
      if (answer.status === 404) return false
      if (answer.status === 405)
        throw new Failure('unsupported', `the registry ${host} removes no images: let it collect them by its own rules`)
      throw isAway(answer) ? unexpected(host, answer, image.path) : refusal(host, answer, image.path)
    },
    async manifest(pinned, signal) {
      const { host, ...image } = parseReference(pinned)
      const headers = { accept: manifestTypes }
      const answer = await ask(host, { method: 'GET', path: manifestPath(image), headers }, signal)
      if (answer.status === 404) return null
      const mediaType = answer.headers.get('content-type')
      if (!answer.ok || mediaType === null) throw unexpected(host, answer, image.path)
      return { mediaType, bytes: new Uint8Array(await answer.arrayBuffer()) }
    },
    async layers(pinned, signal) {
      const found = await this.manifest(pinned, signal)
      if (found === null) return []
      const { manifests = [], config, layers = [] } = JSON.parse(Buffer.from(found.bytes).toString()) as ManifestBody
      const bare = pinned.slice(0, pinned.indexOf('@'))
      const nested = await Promise.all(manifests.map(({ digest }) => this.layers(`${bare}@${digest}`, signal)))
      const own = [...(config === undefined ? [] : [config]), ...layers]
      return [...own.map(({ digest, size }) => ({ digest, bytes: size })), ...nested.flat()]
    },
    async putManifest(reference, { mediaType, bytes }, signal) {
      const { host, ...image } = parseReference(reference)
      const headers = { 'content-type': mediaType }
      const answer = await ask(host, { method: 'PUT', path: manifestPath(image), headers, body: bytes }, signal)
      await answer.body?.cancel()
      if (!answer.ok) throw unexpected(host, answer, image.path)
    },
    async blob(repository, digest, signal) {
      const { host, path } = parseReference(repository)
      const request = { method: 'GET', path: `${path}/blobs/${digest}`, timeoutMs: transferMs } as const
      const answer = await ask(host, request, signal)
      if (answer.status === 404) return null
      if (!answer.ok || answer.body === null) throw unexpected(host, answer, path)
      return answer.body
    },
    async putBlob(repository, { digest, size, open }, signal) {
      const { host, path } = parseReference(repository)
      const known = await ask(host, { method: 'HEAD', path: `${path}/blobs/${digest}` }, signal)
      if (known.ok) return
      const begun = await ask(host, { method: 'POST', path: `${path}/blobs/uploads/` }, signal)
      const location = begun.headers.get('location')
      if (begun.status !== 202 || location === null) throw unexpected(host, begun, path)
      const target = new URL(location, begun.url)
      target.searchParams.set('digest', digest)
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) }
      const put = { method: 'PUT', path: target, headers, body: open(), timeoutMs: transferMs } as const
      const answer = await ask(host, put, signal)
      await answer.body?.cancel()
      if (!answer.ok) throw unexpected(host, answer, path)
    },
    async mountBlob(repository, digest, from, signal) {
      const { host, path } = parseReference(repository)
      const query = new URLSearchParams({ mount: digest, from: parseReference(from).path })
      const answer = await ask(host, { method: 'POST', path: `${path}/blobs/uploads/?${query.toString()}` }, signal)
      await answer.body?.cancel()
      if (answer.status !== 201) throw unexpected(host, answer, path)
    }
  }
}

/** What stands before a registry says so of one that is down, and of one that has too much to do. */
const isAway = ({ status }: Response) => [429, 502, 503, 504].includes(status)

/** It is there, and does not do this one thing. */
function refusal(host: string, answer: Response, path: string): Failure {
  return new Failure('bad-gateway', `the registry ${host} answered ${answer.status} for ${path}`)
}

function unexpected(host: string, answer: Response, path: string): Failure {
  return new Failure('unavailable', `the registry ${host} answered ${answer.status} for ${path}`)
}
