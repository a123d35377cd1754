import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createInternalClient } from '@slipway/client'
import { createBuildRooms } from '@slipway/cluster/build-rooms'
import { imageFunctionOf, type Store, type Variable, valuesOf, variablesFor } from '@slipway/domain'
import { createConsumer, type Signals } from '@slipway/queue'
import {
  createClosers,
  createPresence,
  createStage,
  homePaths,
  internalAddress,
  type Logger,
  limited,
  listed,
  queueConfig,
  type Running,
  readInstallation,
  registryAuth,
  resolversOf,
  startHealth
} from '@slipway/service'
import { createUploads } from '@slipway/source'
import { assertIsolation } from './assert-isolation.ts'
import { createBuild } from './build.ts'
import { createCleanUp } from './clean-up.ts'
import type { BuilderConfig } from './config.ts'
import { createDiskGuard, roomAt } from './disk-guard.ts'
import { createImageEngine, type ImageEngine } from './engine/image-engine.ts'
import { createFunctionImages, type FunctionImagesDeps } from './function-images.ts'
import { createMirrors } from './git/mirrors.ts'
import { createRoom, measureFolders } from './room.ts'
import { defaultPolicy, policyFor } from './stack/policy.ts'
import { readStack } from './stack/read.ts'
import { createSecretsForBuild, createSettleSecrets } from './stack-secrets.ts'
import { parsePlatformSource } from './template/source.ts'

const mib = 1024 ** 2
/** For what is asked before a start. */
const startLimitMs = 15_000

export { BuilderConfig } from './config.ts'
export type { ImageEngine } from './engine/image-engine.ts'

export interface BuilderDeps {
  store: Store
  signals: Signals
  logger: Logger
  /** Around all that the registry is asked: where it is Slipway's own, it is away while its layers are collected. */
  atRegistry?: FunctionImagesDeps['atRegistry']
  /** What builds images, made of what would: a soak of everything else has its own. */
  engineOf?: (engine: ImageEngine) => ImageEngine
  /** The environment of the process: git gets the search path, proxies and certificates of it, and nothing else. */
  env: Record<string, string | undefined>
}

export async function startBuilder(
  config: BuilderConfig,
  { store, signals, logger, env, atRegistry, engineOf = (engine) => engine }: BuilderDeps
): Promise<Running> {
  const closers = createClosers(logger)
  const now = Date.now
  const holder = `builder-${randomUUID()}`
  const paths = homePaths(config.SLIPWAY_HOME)
  const { id: installation, internalToken } = await readInstallation(store)
  const internal = createInternalClient(internalAddress(config), internalToken)
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
  try {
    await assertIsolation(config.BUILD_ISOLATION, rooms, logger, AbortSignal.timeout(startLimitMs))
  } catch (err) {
    await closers.close()
    throw err
  }
  const uploads = createUploads({ root: paths.uploads, now })
  const engine = engineOf(
    createImageEngine({
      docker: {},
      rooms,
      installation,
      mode: config.BUILD_MODE,
      registryAuth: registryAuth(config)
    })
  )
  const cacheBytes = config.BUILD_CACHE_MB === undefined ? null : config.BUILD_CACHE_MB * mib
  const cleanUp = createCleanUp({
    retention: store.retention,
    mirrors,
    uploads,
    keepUploads: config.KEEP_UPLOADS,
    engine,
    keepRollbacks: config.KEEP_ROLLBACKS,
    cacheBytes,
    signals,
    holder,
    periodMs: config.CLEAN_UP_PERIOD_MINUTES * 60_000,
    now,
    logger
  })
  closers.add('clean-up', () => cleanUp.close())
  const disks = {
    async places(signal: AbortSignal) {
      const dataRoot = await engine.dataRoot(signal)
      const isHere = dataRoot !== null && existsSync(dataRoot)
      return [
        { what: 'the state directory', path: paths.root },
        ...(isHere ? [{ what: 'the Docker engine', path: dataRoot }] : [])
      ]
    },
    minFreeBytes: config.MIN_FREE_MB === undefined ? null : config.MIN_FREE_MB * mib
  }
  const ensureRoom = createDiskGuard({
    ...disks,
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
    atRegistry: atRegistry ?? ((work) => work()),
    imageRegistries: listed(config.IMAGE_REGISTRIES),
    timeoutMs: config.BUILD_TIMEOUT_MS,
    isolation: config.BUILD_ISOLATION,
    diskBytes: config.BUILD_DISK_MB * mib,
    secretsForBuild: createSecretsForBuild(internal),
    limits: { pullMs: config.PULL_TIMEOUT_MS, pushMs: config.PUSH_TIMEOUT_MS },
    now
  })
  const policy = {
    ...defaultPolicy,
    isDockerfileAllowed: config.DOCKERFILE_ALLOWED,
    scheduleMinPeriodMs: config.SCHEDULE_MIN_PERIOD_MS
  }
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
        policy: {
          ...policyFor(policy, (await store.limits.of(ownerId)).limits),
          areLabelsNoted: imageFunctionOf(repository) !== null
        }
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
  const measured = [
    createRoom({
      name: 'room of folders',
      measure: (signal) => measureFolders(paths.root, { mirrors: config.KEEP_MIRRORS_MB * mib }, signal),
      firstMs: 60_000,
      logger
    }),
    createRoom({
      name: 'room of the build cache',
      measure: async (signal) => [
        { what: "the engine's build cache", bytes: await engine.cacheBytes(signal), limitBytes: cacheBytes }
      ],
      firstMs: 600_000,
      logger
    })
  ]
  closers.add('room', async () => void (await Promise.all(measured.map((one) => one.close()))))
  const presence = createPresence({
    services: store.services,
    kind: 'builder',
    id: holder,
    async facts(signal) {
      const uses = measured.flatMap((one) => one.uses() ?? [])
      return { slots: config.BUILD_SLOTS, disks: await roomAt(disks, signal), uses }
    },
    now,
    logger
  })
  closers.add('presence', () => presence.close())
  const health = await startHealth(config, { logger, needs: { store: () => store.ping() } })
  if (health !== null) closers.add('health', () => health.close())
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
