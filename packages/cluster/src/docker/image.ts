import { Failure, type ImageReference, overLimit, pinnedReference } from '@slipway/domain'
import type { ImageInspectInfo } from 'dockerode'
import type { RegistryCredentials } from '../registry-credentials.ts'
import { type Engine, engineMessage, orAbort, statusOf } from './engine.ts'

export interface LocalImage {
  id: string
  /** As the image says: empty is root. */
  user: string
  /** Directories that the image wants to be volumes. */
  volumes: string[]
}

export interface Images {
  /** null when the engine does not have it. */
  find(image: ImageReference, signal: AbortSignal): Promise<LocalImage | null>
  /** @throws Failure `image-missing` when the registry does not have it either. */
  pull(image: ImageReference, signal: AbortSignal): Promise<LocalImage>
}

export interface ImageOptions {
  engine: Engine
  /** By the registry's `host[:port]`, as it stands in names of images. */
  registryAuth: Readonly<Record<string, RegistryCredentials>>
  /** For one image. */
  pullTimeoutMs: number
}

/** One pull that several wait for. It ends when nobody does any more. */
interface Pulling {
  work: Promise<void>
  waiting: number
  stop: AbortController
}

export function createImages({ engine, registryAuth, pullTimeoutMs }: ImageOptions): Images {
  const pulling = new Map<string, Pulling>()

  async function find(image: ImageReference, signal: AbortSignal): Promise<LocalImage | null> {
    const reference = pinnedReference(image)
    try {
      return localImage(await engine.call('inspect an image', signal, (docker) => docker.getImage(reference).inspect()))
    } catch (err) {
      if (statusOf(err) === 404) return null
      throw err
    }
  }

  async function pullOnce(reference: string, signal: AbortSignal): Promise<void> {
    const authconfig = registryAuth[reference.slice(0, reference.indexOf('/'))]
    const timeout = AbortSignal.timeout(pullTimeoutMs)
    try {
      const told = await engine.call(
        `pull ${reference}`,
        AbortSignal.any([signal, timeout]),
        async (docker, abortSignal) => {
          const stream = await docker.createImage(authconfig, { fromImage: reference, abortSignal })
          return await lastError(stream)
        },
        // The limit above has words of its own.
        2 * pullTimeoutMs
      )
      if (told !== null) throw pullFailure(reference, told, undefined)
    } catch (err) {
      signal.throwIfAborted()
      const limit = { what: `pulling ${reference}`, ms: pullTimeoutMs, setting: 'PULL_TIMEOUT_MS' }
      if (timeout.aborted) throw overLimit(limit, 'ours', { cause: err })
      if (statusOf(err) === null) throw err
      throw pullFailure(reference, engineMessage(err), err)
    }
  }

  function begin(reference: string): Pulling {
    const stop = new AbortController()
    const begun: Pulling = { work: pullOnce(reference, stop.signal), waiting: 0, stop }
    pulling.set(reference, begun)
    const forget = () => {
      if (pulling.get(reference) === begun) pulling.delete(reference)
    }
    begun.work.then(forget, forget)
    return begun
  }

  /** Replicas that start together pull together, so the signal of one does not end the others' pull. */
  async function pullTogether(reference: string, signal: AbortSignal): Promise<void> {
    const begun = pulling.get(reference) ?? begin(reference)
    begun.waiting += 1
    try {
      await orAbort(begun.work, signal)
    } finally {
      begun.waiting -= 1
      if (begun.waiting === 0) {
        if (pulling.get(reference) === begun) pulling.delete(reference)
        begun.stop.abort(new Error('nobody waits for the image any more'))
      }
    }
  }

  return {
    find,
    async pull(image, signal) {
      signal.throwIfAborted()
      await pullTogether(pinnedReference(image), signal)
      const found = await find(image, signal)
      if (found === null) throw missing(pinnedReference(image), undefined)
      return found
    }
  }
}

function localImage({ Id, Config }: ImageInspectInfo): LocalImage {
  return { id: Id, user: Config.User ?? '', volumes: Object.keys(Config.Volumes ?? {}) }
}

/** The engine answers 200 at once and tells in the stream, one JSON object a line, how it went. */
async function lastError(stream: NodeJS.ReadableStream): Promise<string | null> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const event: unknown = JSON.parse(line)
    if (typeof event === 'object' && event !== null && 'error' in event) return String(event.error)
  }
  return null
}

function pullFailure(reference: string, message: string, cause: unknown): Failure {
  if (/manifest unknown|not found|no such image|repository does not exist|name unknown/i.test(message)) {
    return missing(reference, cause)
  }
  return new Failure('unavailable', `could not pull ${reference}: ${message}`, { cause })
}

function missing(reference: string, cause: unknown): Failure {
  return new Failure('image-missing', `the image ${reference} is not in its registry any more: build it again`, {
    cause
  })
}
