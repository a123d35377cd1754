import { Failure, type ImageReference, pinnedReference } from '@slipway/domain'
import type { ImageInspectInfo } from 'dockerode'
import { type Engine, engineMessage, orAbort, statusOf } from './engine.ts'

export interface RegistryCredentials {
  username: string
  password: string
}

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

const pullLimitMs = 10 * 60_000

export interface ImageOptions {
  engine: Engine
  /** By the registry's `host[:port]`, as it stands in names of images. */
  registryAuth: Readonly<Record<string, RegistryCredentials>>
}

export function createImages({ engine, registryAuth }: ImageOptions): Images {
  const pulling = new Map<string, Promise<void>>()

  async function find(image: ImageReference, signal: AbortSignal): Promise<LocalImage | null> {
    const reference = pinnedReference(image)
    try {
      return localImage(await engine.call('inspect an image', signal, (docker) => docker.getImage(reference).inspect()))
    } catch (err) {
      if (statusOf(err) === 404) return null
      throw err
    }
  }

  /** Replicas that start together pull together, so none of their signals ends the others' pull. */
  async function pullOnce(image: ImageReference): Promise<void> {
    const reference = pinnedReference(image)
    const authconfig = registryAuth[reference.slice(0, reference.indexOf('/'))]
    const limit = AbortSignal.timeout(pullLimitMs)
    try {
      const told = await engine.call(
        `pull ${reference}`,
        limit,
        async (docker, abortSignal) => {
          const stream = await docker.createImage(authconfig, { fromImage: reference, abortSignal })
          return await lastError(stream)
        },
        pullLimitMs
      )
      if (told !== null) throw pullFailure(reference, told, undefined)
    } catch (err) {
      if (statusOf(err) === null) throw err
      throw pullFailure(reference, engineMessage(err), err)
    }
  }

  return {
    find,
    async pull(image, signal) {
      const reference = pinnedReference(image)
      const begun = pulling.get(reference) ?? pullOnce(image).finally(() => pulling.delete(reference))
      pulling.set(reference, begun)
      await orAbort(begun, signal)
      const found = await find(image, signal)
      if (found === null) throw missing(reference, undefined)
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
