import type { Readable } from 'node:stream'
import type { BuildRooms } from '@slipway/cluster/build-rooms'
import { type BuildIsolation, Failure, overLimit } from '@slipway/domain'
import { type RegistryAuth, type RegistryCredential } from '@slipway/registry'
import type Docker from 'dockerode'
import { type BuildLogLimits, createBuildLog, type LogLine } from './build-log.ts'
import { createBuildKitProgress } from './buildkit-progress.ts'
import { openSession } from './buildkit-session.ts'
import { createClassicProgress } from './classic-progress.ts'
import { removeIntermediateImages } from './clean-up.ts'
import { dial, jsonLines } from './dial.ts'
import { refuseLargeImage, watchDisk } from './disk-limit.ts'
import { refuseEngineArguments, refuseForeignFrontend } from './dockerfile-directives.ts'
import { buildFailure, engineFailure, messageOf } from './engine-failure.ts'
import type { Progress } from './progress.ts'
import { readFromTar } from './read-from-tar.ts'

export interface ImageBuild {
  /** The context. Called twice, and must give the same each time. */
  tar: () => Readable | Buffer
  /** Path of the Dockerfile within the context. */
  dockerfile: string
  buildArgs: Record<string, string>
  /** What `RUN --mount=type=secret,id=…` may read, by id: in no layer, argument or log. Only BuildKit has it. */
  secrets?: ReadonlyMap<string, Uint8Array>
  /** Name and tag that the image gets: `127.0.0.1:5000/alice/app-hello:key`. */
  reference: string
  labels: Record<string, string>
  noCache: boolean
  timeoutMs: number
  /** `strict`: in a room of its own, by the classic builder. */
  isolation: BuildIsolation
  /** What the image may take on the disk with all that it stands on; in `strict` also what its steps may write together. */
  diskBytes: number
  /** Called as the lines come. */
  onLog: (line: LogLine) => void
}

export type BuildMode = 'buildkit' | 'classic'

export interface BuildImageDeps {
  docker: Docker
  installation: string
  registryAuth: RegistryAuth
  /** `auto`: BuildKit where the engine has it. */
  mode: BuildMode | 'auto'
  logLimits: BuildLogLimits
  rooms: Pick<BuildRooms, 'open'>
}

/**
 * Builds one image. The build ends with its connection: aborted or timed out, nothing of it goes on in the engine.
 *
 * @throws Failure `build-failed` naming the step; `unsupported` for a Dockerfile that is not built here; `timed-out`;
 *   `unavailable` when the engine or something that it needs was away. An aborted signal's own reason.
 */
export async function buildImage(
  deps: BuildImageDeps,
  build: ImageBuild,
  signal: AbortSignal
): Promise<{ imageId: string }> {
  signal.throwIfAborted()
  refuseEngineArguments(build.buildArgs)
  const dockerfile = await readFromTar(build.tar(), build.dockerfile)
  if (dockerfile === null) throw new Failure('build-failed', `there is no ${build.dockerfile} in the build context`)
  refuseForeignFrontend(dockerfile, build.dockerfile)

  const timeout = AbortSignal.timeout(build.timeoutMs)
  const tooMuch = new AbortController()
  const stop = AbortSignal.any([signal, timeout, tooMuch.signal])
  const log = createBuildLog(build.onLog, deps.logLimits)
  try {
    const made = await run(deps, build, log, tooMuch, stop)
    await refuseLargeImage(deps.docker, build, made.imageId, signal)
    return made
  } catch (err) {
    signal.throwIfAborted()
    if (tooMuch.signal.aborted) throw tooMuch.signal.reason
    if (timeout.aborted) {
      const limit = { what: 'the build', ms: build.timeoutMs, setting: 'BUILD_TIMEOUT_MS' }
      throw overLimit(limit, 'theirs', { cause: err })
    }
    throw engineFailure(err, 'the image could not be built')
  } finally {
    log.flush()
  }
}

async function run(
  deps: BuildImageDeps,
  build: ImageBuild,
  log: ReturnType<typeof createBuildLog>,
  tooMuch: AbortController,
  signal: AbortSignal
): Promise<{ imageId: string }> {
  const { docker, registryAuth } = deps
  const { secrets = new Map(), isolation } = build
  const mode = isolation === 'strict' ? 'classic' : deps.mode
  using session = mode === 'classic' ? null : await openSession(docker, registryAuth, secrets, signal)
  if (session !== null) {
    return await send(deps, build, { version: '2', session: session.id }, createBuildKitProgress(log), signal)
  }
  if (mode === 'buildkit') throw new Failure('unavailable', 'this Docker engine has no BuildKit')
  if (secrets.size > 0) throw noSecrets()
  if (isolation === 'shared') return await buildClassic(deps, build, {}, log, signal)
  await using room = await deps.rooms.open(signal)
  using _watch = watchDisk(room, build.diskBytes, tooMuch)
  const place = { cgroupparent: room.cgroupParent, networkmode: room.networkMode }
  return await buildClassic(deps, build, place, log, signal)
}

async function buildClassic(
  deps: BuildImageDeps,
  build: ImageBuild,
  place: Record<string, string>,
  log: ReturnType<typeof createBuildLog>,
  signal: AbortSignal
): Promise<{ imageId: string }> {
  const startedAt = Date.now()
  const progress = createClassicProgress(log)
  try {
    return await send(deps, build, { version: '1', rm: true, forcerm: true, ...place }, progress, signal)
  } catch (err) {
    await removeIntermediateImages(deps.docker, progress.intermediateImages(), startedAt)
    throw err
  }
}

/** What an engine without BuildKit, or builds in `strict` isolation, say to build secrets. */
export function noSecrets(): Failure {
  return new Failure(
    'unsupported',
    'build secrets need BuildKit, which is not what builds here: take build_secrets out, or ask an administrator'
  )
}

async function send(
  deps: BuildImageDeps,
  build: ImageBuild,
  request: Record<string, unknown>,
  progress: Progress,
  signal: AbortSignal
): Promise<{ imageId: string }> {
  const { docker, installation, registryAuth } = deps
  const context = build.tar()
  try {
    const answer = await dial<Readable>(docker, {
      method: 'POST',
      path: '/build?',
      options: {
        ...request,
        t: build.reference,
        dockerfile: build.dockerfile,
        buildargs: build.buildArgs,
        labels: { ...build.labels, 'com.slipway.installation': installation },
        nocache: build.noCache
      },
      file: context,
      registryconfig: registryConfig(registryAuth),
      abortSignal: signal,
      isStream: true,
      statusCodes: { 200: true }
    }).catch((err: unknown) => {
      throw refusedBuild(err)
    })
    return { imageId: await follow(answer, progress) }
  } finally {
    if (!Buffer.isBuffer(context)) context.destroy()
  }
}

/** A Dockerfile that cannot be read is refused before the build begins. */
function refusedBuild(err: unknown): unknown {
  if (err instanceof Failure) return err // the context's own
  const message = messageOf(err)
  const isTheirs = /dockerfile parse error|Dockerfile|unknown instruction|syntax error/i.test(message)
  return isTheirs ? buildFailure(message, null, null) : err
}

async function follow(answer: Readable, progress: Progress): Promise<string> {
  let imageId: string | null = null
  for await (const event of jsonLines(answer)) {
    progress.event(event)
    if (typeof event.error === 'string') {
      const detail = event.errorDetail as { code?: number } | undefined
      throw buildFailure(event.error, detail?.code ?? null, progress.failedStep())
    }
    const aux = event.aux as { ID?: string } | string | undefined
    if (typeof aux === 'object' && typeof aux.ID === 'string') imageId = aux.ID
  }
  if (imageId !== null) return imageId
  throw new Failure('unavailable', 'the Docker engine ended the build without a word: was it restarted?')
}

/** What the classic builder wants in X-Registry-Config. */
function registryConfig(auth: RegistryAuth): Record<string, RegistryCredential> {
  return Object.fromEntries(
    Object.entries(auth).map(([host, each]) => [host === 'docker.io' ? 'https://index.docker.io/v1/' : host, each])
  )
}
