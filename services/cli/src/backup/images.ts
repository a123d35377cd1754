import { Readable } from 'node:stream'
import { Failure } from '@slipway/domain'
import { type Manifest, parseReference, type RegistryClient } from '@slipway/registry'
import { type Entry, entryOf, type ReadEntry, textOf } from './archive.ts'

/** An image in the archive: what it is made of. The blobs that no image before it had follow it. */
interface ImageRecord {
  /** `host/path` */
  repository: string
  /** Those that others lead to come before them. */
  manifests: { digest: string; mediaType: string; base64: string }[]
  blobs: Part[]
}

interface Part {
  digest: string
  size: number
}

/** The fields of manifests and of lists of them that are used here (OCI image specification). */
interface ManifestBody {
  manifests?: Part[]
  config?: Part
  layers?: (Part & { urls?: string[] })[]
}

export interface ImageExport {
  /** Entries of these images (`host/path@sha256:…`); those that it gave before are left out. */
  entries(pinned: Iterable<string>): AsyncGenerator<Entry>
  /** How many it gave, and which the registry did not have. */
  count(): number
  missing(): string[]
}

export function createImageExport(
  registry: Pick<RegistryClient, 'manifest' | 'blob'>,
  signal: AbortSignal
): ImageExport {
  const done = new Set<string>()
  const missing: string[] = []
  const written = new Set<string>()

  async function read(pinned: string): Promise<ImageRecord | null> {
    const { host, path, digest } = parseReference(pinned)
    const manifest = await registry.manifest(pinned, signal)
    if (manifest === null || digest === null) return null
    const record: ImageRecord = { repository: `${host}/${path}`, manifests: [], blobs: [] }
    await collect(record, digest, manifest)
    return record
  }

  async function collect(record: ImageRecord, digest: string, { mediaType, bytes }: Manifest): Promise<void> {
    const body = JSON.parse(Buffer.from(bytes).toString('utf8')) as ManifestBody
    for (const { digest: part } of body.manifests ?? []) {
      const manifest = await registry.manifest(`${record.repository}@${part}`, signal)
      // A list may name platforms that nobody pushed.
      if (manifest !== null) await collect(record, part, manifest)
    }
    const parts = [...(body.config === undefined ? [] : [body.config]), ...(body.layers ?? [])]
    for (const part of parts) {
      if ('urls' in part && part.urls !== undefined) continue
      record.blobs.push({ digest: part.digest, size: part.size })
    }
    record.manifests.push({ digest, mediaType, base64: Buffer.from(bytes).toString('base64') })
  }

  async function* entriesOf(record: ImageRecord): AsyncGenerator<Entry> {
    yield entryOf(`images/${String(done.size).padStart(6, '0')}.json`, JSON.stringify(record))
    for (const { digest, size } of record.blobs) {
      if (written.has(digest)) continue
      written.add(digest)
      const body = await registry.blob(record.repository, digest, signal)
      if (body === null) {
        throw new Failure('unavailable', `the registry lost ${digest} of ${record.repository}: build it again`)
      }
      yield { name: `blobs/${digest.replace(':', '-')}`, size, body }
    }
  }

  return {
    count: () => done.size - missing.length,
    missing: () => missing,
    async *entries(pinned) {
      for (const image of [...pinned].sort()) {
        if (done.has(image)) continue
        done.add(image)
        const record = await read(image)
        if (record === null) missing.push(image)
        else yield* entriesOf(record)
      }
    }
  }
}

export interface ImageImport {
  /** Takes an entry that `createImageExport` gave; false: it is none of those. */
  take(entry: ReadEntry): Promise<boolean>
  /** Completes the last image. */
  finish(): Promise<void>
  count(): number
}

export function createImageImport(
  registry: Pick<RegistryClient, 'putBlob' | 'mountBlob' | 'putManifest'>,
  signal: AbortSignal
): ImageImport {
  let current: ImageRecord | null = null
  let count = 0
  /** In which repositories each blob is. */
  const places = new Map<string, Set<string>>()

  async function finish(): Promise<void> {
    if (current === null) return
    const { repository, blobs, manifests } = current
    current = null
    for (const { digest } of blobs) {
      const known = places.get(digest) ?? new Set()
      if (known.has(repository)) continue
      const [from] = known
      if (from === undefined) throw new Failure('invalid-request', `the backup lacks ${digest} of ${repository}`)
      await registry.mountBlob(repository, digest, from, signal)
      known.add(repository)
    }
    for (const { digest, mediaType, base64 } of manifests) {
      const manifest = { mediaType, bytes: Buffer.from(base64, 'base64') }
      await registry.putManifest(`${repository}@${digest}`, manifest, signal)
    }
    count += 1
  }

  return {
    count: () => count,
    finish,
    async take({ name, size, body }) {
      if (name.startsWith('images/')) {
        await finish()
        current = JSON.parse(await textOf(body)) as ImageRecord
        return true
      }
      if (!name.startsWith('blobs/')) return false
      if (current === null) throw new Failure('invalid-request', 'the backup has a layer of no image')
      const digest = name.slice('blobs/'.length).replace('-', ':')
      const open = () => Readable.toWeb(Readable.from(body)) as ReadableStream<Uint8Array>
      await registry.putBlob(current.repository, { digest, size, open }, signal)
      places.set(digest, new Set([current.repository]))
      return true
    }
  }
}
