import { createHash } from 'node:crypto'
import type { ImageEngine } from '@slipway/builder'
import { parseReference, type RegistryClient } from '@slipway/registry'

interface Layer {
  digest: string
}

/** What there is of the image that all others are copies of. */
interface Prepared {
  repository: string
  mediaType: string
  manifest: { config: { mediaType: string; size: number; digest: string }; layers: Layer[] }
  config: { config?: { Labels?: Record<string, string> } }
}

/**
 * Builds the first image and no other: each of the rest is that one under its own name, with its own labels, and so with a digest of
 * its own. It reaches the registry by the registry's API, as an engine would send it. All else is the engine's.
 */
export function withPreparedImages(engine: ImageEngine, registry: RegistryClient): ImageEngine {
  const { promise: prepared, resolve, reject } = Promise.withResolvers<Prepared>()
  prepared.catch(() => undefined) // whoever waits for it is told
  let first: string | null = null
  const labelsOf = new Map<string, Record<string, string>>()

  async function read(reference: string, digest: string, signal: AbortSignal): Promise<Prepared> {
    const { host, path } = parseReference(reference)
    const repository = `${host}/${path}`
    const found = await registry.manifest(`${repository}@${digest}`, signal)
    if (found === null) throw new Error(`the registry lost ${repository}@${digest}`)
    const manifest = JSON.parse(Buffer.from(found.bytes).toString()) as Prepared['manifest']
    const blob = await registry.blob(repository, manifest.config.digest, signal)
    if (blob === null) throw new Error(`the registry lost the configuration of ${reference}`)
    const config = (await new Response(blob).json()) as Prepared['config']
    return { repository, mediaType: found.mediaType, manifest, config }
  }

  async function copy(reference: string, signal: AbortSignal): Promise<string> {
    const { host, path } = parseReference(reference)
    const repository = `${host}/${path}`
    const { repository: from, mediaType, manifest, config } = await prepared
    const labels = { ...config.config?.Labels, ...labelsOf.get(reference) }
    labelsOf.delete(reference)
    const bytes = Buffer.from(JSON.stringify({ ...config, config: { ...config.config, Labels: labels } }))
    const digest = digestOf(bytes)
    await registry.putBlob(repository, { digest, size: bytes.length, open: () => new Blob([bytes]).stream() }, signal)
    if (repository !== from) {
      for (const layer of manifest.layers) await registry.mountBlob(repository, layer.digest, from, signal)
    }
    const told = { ...manifest, config: { ...manifest.config, digest, size: bytes.length } }
    const body = Buffer.from(JSON.stringify(told))
    await registry.putManifest(reference, { mediaType, bytes: body }, signal)
    return digestOf(body)
  }

  return {
    ...engine,
    async build(build, signal) {
      first ??= build.reference
      if (first === build.reference) return engine.build(build, signal)
      labelsOf.set(build.reference, build.labels)
      build.onLog({ stream: 'stdout', text: 'nothing is built: the prepared image gets one more name' })
      return { imageId: build.reference }
    },
    async push(reference, onLog, signal) {
      if (reference !== first) return copy(reference, signal)
      try {
        const digest = await engine.push(reference, onLog, signal)
        resolve(await read(reference, digest, signal))
        return digest
      } catch (err) {
        reject(err)
        throw err
      }
    }
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
