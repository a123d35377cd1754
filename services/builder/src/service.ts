import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createInternalClient } from '@slipway/client'
import { createBuildRooms } from '@slipway/cluster/build-rooms'
import { Failure, type Store, type Variable, valuesOf, variablesFor } from '@slipway/domain'
import { createConsumer, type Signals } from '@slipway/queue'
import {
  commonSettings,
  createClosers,
  createStage,
  homePaths,
  isolationSettings,
  keepSettings,
  type Logger,
  limited,
  listed,
  queueConfig,
  type Running,
  registryAuth,
  registrySettings,
  resolversOf
} from '@slipway/service'
import { createUploads } from '@slipway/source'
import Type, { type Static } from 'typebox'
import { createBuild } from './build.ts'
import { createCleanUp } from './clean-up.ts'
import { createDiskGuard } from './disk-guard.ts'
import { createImageEngine } from './engine/image-engine.ts'
import { createFunctionImages } from './function-images.ts'
import { createMirrors } from './git/mirrors.ts'
import { defaultPolicy } from './stack/policy.ts'
import { readStack } from './stack/read.ts'
import { createSecretsForBuild, createSettleSecrets } from './stack-secrets.ts'
import { parsePlatformSource } from './template/source.ts'

const mib = 1024 ** 2

/** Several values, separated by commas. */
const List = Type.String({ default: '' })

export const BuilderConfig = Type.Object({
  ...commonSettings,
  ...registrySettings,
  ...isolationSettings,
  REGISTRY_LAYOUT: Type.Enum(['nested', 'flat'], { default: 'nested' }),
  /** What the built-in templates stand on. */
  BASE_NODE: Type.String({ default: 'docker.io/library/node:24-bookworm-slim' }),
  BASE_PYTHON: Type.String({ default: 'docker.io/library/python:3.13-slim-bookworm' }),
  BUILD_SLOTS: Type.Integer({ default: 2, minimum: 1 }),
  /** Functions of one build that are built at a time. */
  FUNCTION_SLOTS: Type.Integer({ default: 2, minimum: 1 }),
  /** For one function. */
  BUILD_TIMEOUT_MS: Type.Integer({ default: 600_000, minimum: 1000 }),
  /** For one git command: the fetch of a repository, the check-out of a commit. */
  GIT_TIMEOUT_MS: Type.Integer({ default: 300_000, minimum: 1000 }),
  /** For one template repository. */
  TEMPLATE_TIMEOUT_MS: Type.Integer({ default: 300_000, minimum: 1000 }),
  /** For one image. */
  PUSH_TIMEOUT_MS: Type.Integer({ default: 600_000, minimum: 1000 }),
  BUILD_MODE: Type.Enum(['auto', 'buildkit', 'classic'], { default: 'auto' }),
  /** For a whole build; one image's output is cut at 5 MiB. */
  BUILD_LOG_LIMIT_BYTES: Type.Integer({ default: 10 * 1024 * 1024, minimum: 1024 }),
  /** How builds are kept apart, of owners for whom nothing else is set. */
  BUILD_ISOLATION: Type.Enum(['shared', 'strict'], { default: 'shared' }),
  /** For one build in isolation `strict`, all that it runs together. */
  STRICT_MEMORY_MB: Type.Integer({ default: 2048, minimum: 64 }),
  STRICT_CPU_MILLIS: Type.Integer({ default: 1000, minimum: 50 }),
  STRICT_PIDS: Type.Integer({ default: 512, minimum: 16 }),
  /** For one image with all that it stands on; in isolation `strict` also for what its steps write. */
  BUILD_DISK_MB: Type.Integer({ default: 10_240, minimum: 1 }),
  /** `lang: dockerfile` may be used. */
  DOCKERFILE_ALLOWED: Type.Boolean({ default: false }),
  /** Repositories may bring templates of their own in `template/`. */
  OWN_TEMPLATES_ALLOWED: Type.Boolean({ default: false }),
  /** Template repositories of the platform, `url[#ref]`. */
  TEMPLATE_REPOSITORIES: List,
  /** What `configuration.templates` may name; `*` at the end stands for anything, `http://` has to be said. */
  TEMPLATE_SOURCES: List,
  /** Registries that `skip_build` may name images of. */
  IMAGE_REGISTRIES: List,
  ...keepSettings,
  /** Mirrors of repositories: those that nobody pushed to for so long go, and the least used ones beyond so much. */
  KEEP_MIRRORS_DAYS: Type.Number({ default: 30, minimum: 0 }),
  KEEP_MIRRORS_MB: Type.Integer({ default: 20_480, minimum: 0 }),
  /** Of each folder that is deployed without git so many versions stay, to be built once more. */
  KEEP_UPLOADS: Type.Integer({ default: 5, minimum: 0 }),
  /** What the engine's build cache is cut to. The engine cannot tell whose cache it is: only set it where nobody else builds. */
  BUILD_CACHE_MB: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Free space that a build wants on the disks of the state directory and of the engine. Default: 2 GiB, or 5 % of a small disk. */
  MIN_FREE_MB: Type.Optional(Type.Integer({ minimum: 0 })),
  LEASE_MS: Type.Integer({ default: 15_000, minimum: 1000 }),
  STOP_GRACE_MS: Type.Integer({ default: 20_000, minimum: 0 })
})
export type BuilderConfig = Static<typeof BuilderConfig>

export interface BuilderDeps {
  store: Store
  signals: Signals
  logger: Logger
  /** Does a push to the registry; where the registry is Slipway's own, not while its layers are collected. */
  pushing?: <T>(push: () => Promise<T>, signal: AbortSignal) => Promise<T>
  /** The environment of the process: git gets the search path, proxies and certificates of it, and nothing else. */
  env: Record<string, string | undefined>
}

export async function startBuilder(
  config: BuilderConfig,
  { store, signals, logger, env, pushing }: BuilderDeps
): Promise<Running> {
  const closers = createClosers(logger)
  const now = Date.now
  const holder = `builder-${randomUUID()}`
  const paths = homePaths(config.SLIPWAY_HOME)
  const installation = await store.settings.get('installation')
  const internalToken = await store.settings.get('internal-token')
  if (installation === null || internalToken === null) {
    throw new Failure('unavailable', 'the deployer was never started: start it first, it sets the installation up')
  }
  const internal = createInternalClient({ socketPath: paths.socket }, internalToken)
  const mirrors = await createMirrors({
    root: paths.mirrors,
    logger,
    now,
    environment: gitEnvironment(env),
    timeoutMs: config.GIT_TIMEOUT_MS,
    keepMs: config.KEEP_MIRRORS_DAYS * 24 * 3600_000,
    keepBytes: config.KEEP_MIRRORS_MB * mib
  })
  closers.add('mirrors', () => mirrors.close())
  const rooms = createBuildRooms({
    docker: {},
    installation,
    networkPool: config.NETWORK_POOL,
    firewall: config.FIREWALL,
    resolvers: resolversOf(config),
    limits: {
      memoryBytes: config.STRICT_MEMORY_MB * mib,
      cpuMillis: config.STRICT_CPU_MILLIS,
      pids: config.STRICT_PIDS
    },
    longestMs: config.BUILD_TIMEOUT_MS + 600_000,
    logger,
    now
  })
  closers.add('rooms of builds', () => Promise.resolve(rooms.close()))
  const uploads = createUploads({ root: paths.uploads, now })
  const engine = createImageEngine({
    docker: {},
    rooms,
    installation,
    mode: config.BUILD_MODE,
    registryAuth: registryAuth(config)
  })
  const cleanUp = createCleanUp({
    retention: store.retention,
    mirrors,
    uploads,
    keepUploads: config.KEEP_UPLOADS,
    engine,
    keepRollbacks: config.KEEP_ROLLBACKS,
    cacheBytes: config.BUILD_CACHE_MB === undefined ? null : config.BUILD_CACHE_MB * mib,
    signals,
    holder,
    periodMs: config.CLEAN_UP_PERIOD_MINUTES * 60_000,
    now,
    logger
  })
  closers.add('clean-up', () => cleanUp.close())
  const ensureRoom = createDiskGuard({
    async places(signal) {
      const dataRoot = await engine.dataRoot(signal)
      const isHere = dataRoot !== null && existsSync(dataRoot)
      return [
        { what: 'the state directory', path: paths.root },
        ...(isHere ? [{ what: 'the Docker engine', path: dataRoot }] : [])
      ]
    },
    minFreeBytes: config.MIN_FREE_MB === undefined ? null : config.MIN_FREE_MB * mib,
    async cleanUp(signal) {
      // The deployer's part frees the registry, which may stand on the same disk.
      const asked = internal.cleanUp({ builders: false }, signal)
      const [, remote] = await Promise.allSettled([cleanUp.run(signal), asked])
      if (remote.status === 'rejected')
        logger.warn({ err: remote.reason as unknown }, 'the deployer could not clean up')
    },
    now,
    logger
  })

  const images = createFunctionImages({
    store,
    engine,
    templates: {
      isOwnAllowed: config.OWN_TEMPLATES_ALLOWED,
      allowedSources: listed(config.TEMPLATE_SOURCES),
      platformRepositories: listed(config.TEMPLATE_REPOSITORIES).map(parsePlatformSource),
      fetchTemplateRepository: (url, ref, signal) => {
        const what = `fetching the template repository ${url}`
        const limit = { what, ms: config.TEMPLATE_TIMEOUT_MS, setting: 'TEMPLATE_TIMEOUT_MS' }
        return limited(limit, signal, (stop) => mirrors.fetchTemplateRepository(url, ref, stop))
      }
    },
    bases: { node: config.BASE_NODE, python: config.BASE_PYTHON },
    registry: config.REGISTRY,
    layout: config.REGISTRY_LAYOUT,
    pushing: pushing ?? ((push) => push()),
    imageRegistries: listed(config.IMAGE_REGISTRIES),
    timeoutMs: config.BUILD_TIMEOUT_MS,
    isolation: config.BUILD_ISOLATION,
    diskBytes: config.BUILD_DISK_MB * mib,
    secretsForBuild: createSecretsForBuild(internal),
    limits: { pullMs: config.PULL_TIMEOUT_MS, pushMs: config.PUSH_TIMEOUT_MS },
    now
  })
  const policy = { ...defaultPolicy, isDockerfileAllowed: config.DOCKERFILE_ALLOWED }
  const changed = (buildId: string) => signals.send('changed', { buildId })
  const due = () => signals.send('builds', {})
  const build = createBuild({
    store,
    mirrors,
    uploads,
    access: (repositoryId, signal) => {
      const limit = {
        what: 'asking for access to the repository',
        ms: config.GIT_TIMEOUT_MS,
        setting: 'GIT_TIMEOUT_MS'
      }
      return limited(limit, signal, (stop) => internal.credential(repositoryId, stop))
    },
    settleSecrets: createSettleSecrets(internal),
    readStack: async (checkout, { build: { ownerId }, repository, ownerSlug }, platform) =>
      readStack(checkout, {
        stackPath: repository.stackPath,
        slug: ownerSlug,
        platform,
        ...buildVariables(await store.variables.list(ownerId), repository.id),
        policy
      }),
    images,
    ensureRoom,
    runStage: createStage({
      builds: store.builds,
      leaseMs: config.LEASE_MS,
      now,
      logger,
      onCancel: (listener) => signals.listen('cancel', ({ buildId }) => listener(buildId)),
      changed: (buildId) => {
        changed(buildId)
        due()
      }
    }),
    holder,
    leaseMs: config.LEASE_MS,
    functionConcurrency: config.FUNCTION_SLOTS,
    logLimitBytes: config.BUILD_LOG_LIMIT_BYTES,
    now,
    logger,
    changed,
    logGrew: (buildId) => signals.send('log', { buildId }),
    due
  })
  const consumer = createConsumer('build', queueConfig(config), build, {
    concurrency: config.BUILD_SLOTS,
    graceMs: config.STOP_GRACE_MS,
    onError: (err) => logger.debug({ err }, 'Redis does not answer')
  })
  closers.add('build worker', () => consumer.close())
  return { url: null, close: () => closers.close() }
}

/** What was set outside the repository for `${NAME}` and build arguments. */
function buildVariables(all: Variable[], repositoryId: string) {
  const own = Map.groupBy(all, ({ scope }) => (scope.kind === 'function' ? scope.functionName : null))
  const of = (functionName: string | null) => variablesFor(all, { repositoryId, functionName, use: 'build' })
  const names = [...own.keys()].filter((name) => name !== null)
  return {
    variables: valuesOf(of(null)),
    functionVariables: Object.fromEntries(names.map((name) => [name, valuesOf(of(name))]))
  }
}

const gitVariables = [
  'PATH',
  'GIT_SSL_CAINFO',
  'SSL_CERT_FILE',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'HTTPS_PROXY',
  'NO_PROXY'
]

function gitEnvironment(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(gitVariables.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
