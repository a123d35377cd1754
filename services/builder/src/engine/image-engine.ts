import type { Readable } from 'node:stream'
import type { BuildRooms } from '@slipway/cluster/build-rooms'
import { loadDockerode } from '@slipway/cluster/dockerode'
import { type BuildIsolation, Failure, type ImageLayer } from '@slipway/domain'
import { createRegistryClient, credentialOf, parseReference, type RegistryAuth } from '@slipway/registry'
import { orAborted } from '@slipway/service'
import type Docker from 'dockerode'
import { type BuildMode, buildImage, type ImageBuild } from './build-image.ts'
import { type BuildLogLimits, defaultLogLimits, type LogLine } from './build-log.ts'
import { hasBuildKit } from './buildkit-session.ts'
import { buildCacheBytes, hasStatus, pruneBuildCache, removeUnnamedImages, removeUnneededImages } from './clean-up.ts'
import { jsonLines } from './dial.ts'
import { engineFailure, isPassing, messageOf, saysMissing } from './engine-failure.ts'
import { pushImage } from './push-image.ts'

export interface ImageEngineOptions {
  docker: Docker.DockerOptions
  /** Every image that is built here carries it as a label. */
  installation: string
  registryAuth?: RegistryAuth
  /** Default `auto`: BuildKit where the engine has it, else the classic builder. */
  mode?: BuildMode | 'auto'
  logLimits?: BuildLogLimits
  /** Where builds in `strict` isolation run. */
  rooms: Pick<BuildRooms, 'open' | 'sweep'>
}

/** Builds, pushes and looks up images. */
export interface ImageEngine {
  /** What images are built for: `linux/amd64`. @throws Failure `unavailable` */
  platform(signal: AbortSignal): Promise<string>
  /**
   * What a base image is now, as `sha256:…`: the registry's digest where it has one, else its id. Pulled when it is not here.
   *
   * @throws Failure `image-missing` naming the image and how to get it, `unavailable`
   */
  baseDigest(reference: string, signal: AbortSignal): Promise<string>
  /** Whether builds can be given secrets. @throws Failure `unavailable` */
  hasSecrets(isolation: BuildIsolation, signal: AbortSignal): Promise<boolean>
  /** See `buildImage`. */
  build(build: ImageBuild, signal: AbortSignal): Promise<{ imageId: string }>
  /** See `pushImage`. Checks that the registry has what it says it stored. */
  push(reference: string, onLog: (line: LogLine) => void, signal: AbortSignal): Promise<string>
  /** What the registry itself has under this name, as `sha256:…`; null when nothing. @throws Failure `unavailable`, `forbidden` */
  registryDigest(reference: string, signal: AbortSignal): Promise<string | null>
  /** Does the registry have `host/path@sha256:…`? @throws Failure `unavailable`, `forbidden` */
  exists(pinned: string, signal: AbortSignal): Promise<boolean>
  /** What the registry stores of `host/path@sha256:…`. @throws Failure `unavailable`, `forbidden` */
  layers(pinned: string, signal: AbortSignal): Promise<ImageLayer[]>
  /** Takes a name away from an image of ours, and the image when it was its last one. Nothing there is fine. */
  remove(reference: string, signal: AbortSignal): Promise<void>
  /** Removes what builds in `strict` isolation ran in and their builders, gone since, have left. Returns how many. */
  removeRooms(signal: AbortSignal): Promise<number>
  /** Removes images without a name that carry this installation's label. Returns how many. */
  removeUnnamed(signal: AbortSignal): Promise<number>
  /**
   * Removes images of this installation that are not among those needed (`host/path@sha256:…`) and were not named since `namedBefore`:
   * those of former deployments, and what a builder that died had not pushed yet. One that a container uses stays. Returns how many.
   */
  removeUnneeded(needed: ReadonlySet<string>, namedBefore: number, signal: AbortSignal): Promise<number>
  /**
   * Has the engine cut its build cache to so many bytes. The engine knows nothing of whose cache it is:
   * only for an engine that nobody else uses. Returns what that freed.
   */
  pruneCache(keepBytes: number, signal: AbortSignal): Promise<{ count: number; bytes: number }>
  /** What the engine's build cache takes, whosever it is. It may take the engine long to say. @throws Failure `unavailable` */
  cacheBytes(signal: AbortSignal): Promise<number>
  /** The directory of this machine that holds all of the engine's data; null for an engine elsewhere. */
  dataRoot(signal: AbortSignal): Promise<string | null>
}

export function createImageEngine(options: ImageEngineOptions): ImageEngine {
  const { installation, registryAuth = {}, mode = 'auto', logLimits = defaultLogLimits, rooms } = options
  const Dockerode = loadDockerode()
  const docker = new Dockerode(options.docker)
  const registry = createRegistryClient(registryAuth)
  let knownRoot: string | null = null

  async function idOf(reference: string, signal: AbortSignal): Promise<string | null> {
    try {
      const image = await orAborted(docker.getImage(reference).inspect(), signal)
      const { host, path } = parseReference(reference)
      const known = (image.RepoDigests ?? []).map(parseReference)
      return known.find((each) => each.host === host && each.path === path)?.digest ?? image.Id
    } catch (err) {
      if (hasStatus(err, 404)) return null
      signal.throwIfAborted()
      throw engineFailure(err, `the image ${reference} could not be looked up`)
    }
  }

  async function pull(reference: string, signal: AbortSignal): Promise<void> {
    const authconfig = credentialOf(registryAuth, parseReference(reference).host)
    try {
      const answer: unknown = await docker.pull(reference, { abortSignal: signal, ...(authconfig && { authconfig }) })
      for await (const event of jsonLines(answer as Readable)) {
        if (typeof event.error === 'string') throw new Error(event.error)
      }
    } catch (err) {
      signal.throwIfAborted()
      throw missingImage(reference, err)
    }
  }

  return {
    async platform(signal) {
      try {
        const { Os, Arch } = await orAborted(docker.version(), signal)
        return `${Os}/${Arch}`
      } catch (err) {
        signal.throwIfAborted()
        throw engineFailure(err, "the engine's platform could not be asked")
      }
    },
    async baseDigest(reference, signal) {
      const here = await idOf(reference, signal)
      if (here !== null) return here
      await pull(reference, signal)
      const pulled = await idOf(reference, signal)
      if (pulled !== null) return pulled
      throw new Failure('unavailable', `the base image ${reference} was pulled, but the engine does not have it`)
    },
    async hasSecrets(isolation, signal) {
      if (isolation === 'strict' || mode === 'classic') return false
      try {
        return await hasBuildKit(docker, signal)
      } catch (err) {
        signal.throwIfAborted()
        throw engineFailure(err, 'the engine could not be asked for BuildKit')
      }
    },
    build: (build, signal) => buildImage({ docker, installation, registryAuth, mode, logLimits, rooms }, build, signal),
    async push(reference, onLog, signal) {
      const digest = await pushImage(docker, registryAuth, reference, onLog, signal)
      const { host, path } = parseReference(reference)
      if ((await registry.digest(`${host}/${path}@${digest}`, signal)) === digest) return digest
      throw new Failure('unavailable', `the registry ${host} took the image, but does not have it`)
    },
    registryDigest: (reference, signal) => registry.digest(reference, signal),
    layers: (pinned, signal) => registry.layers(pinned, signal),
    async exists(pinned, signal) {
      const { digest } = parseReference(pinned)
      if (digest === null) throw new Failure('invalid-request', `${pinned} names no digest`)
      return (await registry.digest(pinned, signal)) === digest
    },
    async remove(reference, signal) {
      try {
        const image = await orAborted(docker.getImage(reference).inspect(), signal)
        if (image.Config?.Labels?.['com.slipway.installation'] !== installation) {
          throw new Failure('forbidden', `the image ${reference} is not of this installation and is not removed`)
        }
        await orAborted(docker.getImage(reference).remove(), signal)
      } catch (err) {
        if (hasStatus(err, 404)) return
        signal.throwIfAborted()
        if (hasStatus(err, 409)) throw new Failure('conflict', `the image ${reference} is in use`, { cause: err })
        throw engineFailure(err, `the image ${reference} could not be removed`)
      }
    },
    removeRooms: (signal) => rooms.sweep(signal),
    async removeUnnamed(signal) {
      try {
        return await orAborted(removeUnnamedImages(docker, installation), signal)
      } catch (err) {
        signal.throwIfAborted()
        throw engineFailure(err, 'left-over images could not be removed')
      }
    },
    async removeUnneeded(needed, namedBefore, signal) {
      try {
        return await removeUnneededImages(docker, installation, { needed, namedBefore }, signal)
      } catch (err) {
        signal.throwIfAborted()
        throw engineFailure(err, 'images of former deployments could not be removed')
      }
    },
    async pruneCache(keepBytes, signal) {
      try {
        return await pruneBuildCache(docker, keepBytes, signal)
      } catch (err) {
        signal.throwIfAborted()
        throw engineFailure(err, 'the build cache could not be cut')
      }
    },
    async cacheBytes(signal) {
      try {
        return await buildCacheBytes(docker, signal)
      } catch (err) {
        signal.throwIfAborted()
        throw engineFailure(err, 'the engine could not be asked what its build cache takes')
      }
    },
    async dataRoot(signal) {
      const { socketPath } = docker.modem as { socketPath?: string }
      if (socketPath === undefined || knownRoot !== null) return knownRoot
      try {
        const { DockerRootDir: root } = (await orAborted(docker.info(), signal)) as { DockerRootDir?: string }
        knownRoot = root ?? null
        return knownRoot
      } catch (err) {
        signal.throwIfAborted()
        throw engineFailure(err, 'the engine could not be asked where its data is')
      }
    }
  }
}

function missingImage(reference: string, err: unknown): Failure {
  const reason = messageOf(err)
  if (saysMissing(reason) && !isPassing(reason)) {
    return new Failure(
      'image-missing',
      `the base image ${reference} does not exist or may not be pulled: name another one, or load it into the engine with "docker load"`,
      { cause: err }
    )
  }
  const failure = engineFailure(err, `the base image ${reference} is not on this engine and could not be pulled`)
  return new Failure(
    failure.code,
    `${failure.message}; "docker load" or "docker import" brings it without a registry`,
    {
      cause: err
    }
  )
}
