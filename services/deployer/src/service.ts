import { randomBytes, randomUUID } from 'node:crypto'
import { type Build, type ForgeApi, type Store, slotsSetting } from '@slipway/domain'
import { createConsumer, createProducer, createTrafficReader, type SignalName, type Signals } from '@slipway/queue'
import { createRegistryClient } from '@slipway/registry'
import {
  createClosers,
  createPresence,
  createStage,
  type Figure,
  homePaths,
  type Logger,
  type Loop,
  queueConfig,
  type Running,
  registryAuth,
  startHealth
} from '@slipway/service'
import { createAllowList } from './allow-list.ts'
import { createAskBuilders } from './ask-builders.ts'
import { createCheckParts } from './check-parts.ts'
import { createCleanUp } from './clean-up.ts'
import { createCluster } from './cluster/cluster.ts'
import { type DeployerConfig, keepRules } from './config.ts'
import { createDeploy } from './deploy.ts'
import { createDispatcher } from './dispatcher.ts'
import { createDrain } from './drain.ts'
import { createEvents } from './events.ts'
import { modeFor } from './forges/connect.ts'
import { createForgeServices } from './forges/forge-services.ts'
import { keepGatewayPresence } from './gateway-presence.ts'
import { createGateways } from './gateways.ts'
import { createInternal } from './internal.ts'
import { certificateOf, listen } from './internal-listener.ts'
import { createLeadership } from './leadership.ts'
import { limitsOf } from './limits.ts'
import { createNotifier } from './notifications/notifier.ts'
import { createSend } from './notifications/send.ts'
import { createReconciler } from './reconciler.ts'
import { createRecovery } from './recovery.ts'
import { createReporter } from './report.ts'
import { createLoads } from './scaling/load.ts'
import { createScaler } from './scaling/scaler.ts'
import { createScaling } from './scaling/scaling.ts'
import { createSchedules } from './schedules/schedules.ts'
import { createSecretServices } from './secrets/secret-services.ts'
import { createSecretUpkeep } from './secrets/upkeep.ts'
import { createStrays } from './strays.ts'
import { createTrafficRecorder } from './traffic.ts'

/** Made once per installation. The internal token opens the deployer's API to the other services. */
export async function installationOf(store: Pick<Store, 'settings'>): Promise<{ id: string; internalToken: string }> {
  return {
    id: await store.settings.ensure('installation', randomUUID()),
    internalToken: await store.settings.ensure('internal-token', randomBytes(32).toString('base64url'))
  }
}

export { DeployerConfig } from './config.ts'

export interface DeployerDeps {
  store: Store
  signals: Signals
  /** Frees what removed images leave in a registry of Slipway's own; left out where the registry is somebody else's. */
  collectLayers?: (signal: AbortSignal) => Promise<number>
  /** Around what else the registry is asked: where it is Slipway's own, it is away meanwhile. */
  atRegistry?: <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>
  logger: Logger
}

export async function startDeployer(
  config: DeployerConfig,
  { store, signals, collectLayers, atRegistry = (work) => work(), logger }: DeployerDeps
): Promise<Running> {
  const closers = createClosers(logger)
  const now = Date.now
  const monotonicNow = () => performance.now()
  const holder = `deployer-${randomUUID()}`
  const paths = homePaths(config.SLIPWAY_HOME)
  const installation = await installationOf(store)
  await store.limits.setDefaults(limitsOf(config))
  await store.settings.set(slotsSetting, String(config.BUILD_SLOTS))
  const { keeper, ...secrets } = createSecretServices({
    store,
    encryptionKeys: config.ENCRYPTION_KEYS ?? null,
    encryptionFile: paths.encryptionKeys,
    now
  })
  const addresses = { pages: config.PUBLIC_URL, receiver: config.RECEIVER_PUBLIC_URL ?? config.PUBLIC_URL }
  const { followed, administration, keyrings } = await createForgeServices({
    store,
    settings: config,
    encryption: secrets.encryption,
    webhookKeys: { keys: config.WEBHOOK_KEYS ?? null, file: paths.webhookKeys },
    signInKeys: { keys: config.SIGN_IN_KEYS ?? null, file: paths.signInKeys },
    addresses,
    changed: () => signals.send('forges', {}),
    now,
    logger
  })
  const { forges } = followed
  closers.add('forges', () => followed.loop.close())
  closers.add(
    'forge changes',
    listening(signals, 'forges', () => followed.loop.wake())
  )
  const cluster = await createCluster(config, {
    installation: installation.id,
    filesOf: (deployment) => keeper.filesOf(deployment),
    logger,
    now
  })
  closers.add('cluster', () => cluster.close())
  const registry = createRegistryClient(registryAuth(config))
  const hasImage = async (pinned: string, signal: AbortSignal) =>
    (await atRegistry(() => registry.digest(pinned, signal), signal)) !== null

  const loops: Loop[] = []
  const leadership = await createLeadership(store.settings, holder, now, monotonicNow, logger, () => {
    for (const loop of loops) loop.wake()
  })
  closers.add('leadership', () => leadership.close())
  const { isLeader } = leadership

  const allowList = await createAllowList({
    owners: store.owners,
    source: config.ALLOWED_OWNERS ?? null,
    everyMs: config.ALLOWED_OWNERS_EVERY_MS,
    isLeader,
    changed: () => signals.send('builds', {}),
    logger
  })
  if (allowList !== null) {
    loops.push(allowList)
    closers.add('allow list', () => allowList.close())
  }

  const onRedisError = (err: Error) => logger.debug({ err }, 'Redis does not answer')
  const queue = queueConfig(config)
  const gateways = createGateways(signals, monotonicNow)
  const drain = createDrain({ store, cluster, gateways, isLeader, now, monotonicNow, logger })
  const routesChanged = () => {
    signals.send('routes', {})
    drain.wake()
  }
  const changed = (buildId: string) => signals.send('changed', { buildId })
  closers.add('gateways', () => gateways.close())
  closers.add('drain', () => drain.close())

  const scaling = createScaling({ store, cluster, gateways, routesChanged })
  const loads = createLoads({ signals, onWaiting: (ids) => scaler.wakeUp(ids), monotonicNow })
  closers.add('loads', async () => loads.close())
  const scaler = createScaler({
    store,
    scaling,
    loads,
    isLeader,
    unstartable: (deploymentId) => signals.send('unstartable', { deploymentId }),
    changed: ({ ownerId, functionName: name }) => signals.send('function', { ownerId, name }),
    periodMs: 2000,
    monotonicNow,
    logger
  })
  closers.add('scaler', () => scaler.close())

  const schedules = createSchedules({
    store,
    queue,
    isLeader,
    waitingLimit: config.ASYNC_WAITING_LIMIT,
    graceMs: config.STOP_GRACE_MS,
    now,
    logger,
    onRedisError
  })
  closers.add('schedules', () => schedules.close())
  for (const signal of ['routes', 'function'] as const) {
    closers.add(
      'hearing of what is live',
      listening(signals, signal, () => schedules.wake())
    )
  }

  const recovery = createRecovery({
    store,
    cluster,
    isScaled: scaling.isUnderWay,
    routesChanged,
    isLeader,
    periodMs: 10_000,
    now,
    monotonicNow,
    logger
  })
  closers.add('recovery', () => recovery.close())
  const strays = createStrays({ store, cluster, isLeader, periodMs: 30_000, now, logger })
  closers.add('strays', () => strays.close())
  // One that waited for another try ended at once: what it had started is taken away.
  closers.add(
    'cancels',
    listening(signals, 'cancel', () => recovery.wake())
  )

  const reporter = createReporter({
    store,
    forges,
    urlOf: linksOf(config),
    timeoutMs: config.STATUS_TIMEOUT_MS,
    isLeader,
    now,
    logger
  })
  closers.add('reporter', () => reporter.close())
  closers.add(
    'changes',
    listening(signals, 'changed', () => reporter.wake())
  )

  const cleanUp = createCleanUp({
    store,
    registry,
    collectLayers: collectLayers ?? null,
    askBuilders: createAskBuilders(signals),
    keep: keepRules(config),
    isLeader,
    periodMs: config.CLEAN_UP_PERIOD_MINUTES * 60_000,
    now,
    logger
  })
  closers.add('clean-up', () => cleanUp.close())

  const isLoopbackTold = config.NOTIFY_LOOPBACK === 'on'
  const linkOf = linksOf(config)
  const notifier = createNotifier({
    store,
    encryption: secrets.encryption,
    send: createSend({ isLoopbackAllowed: isLoopbackTold, timeoutMs: 10_000, now }),
    linkOf: (build) => linkOf(build, build.ownerSlug, null),
    isLeader,
    periodMs: 2000,
    now,
    logger
  })
  closers.add('notifications', () => notifier.close())
  for (const signal of ['notify', 'changed'] as const) {
    closers.add(
      'hearing of what to tell',
      listening(signals, signal, () => notifier.wake())
    )
  }
  const internal = createInternal({
    store,
    forges,
    cluster,
    scaling,
    cleanUp,
    checkParts: createCheckParts({ cluster, registry, registryHost: config.REGISTRY }),
    token: installation.internalToken,
    forgeAdministration: {
      ...administration,
      lookForInstallations: (forgeId) => reconciler.lookForInstallations(forgeId),
      async connectRepository(forgeId, id, signal) {
        const forge = forges.get(forgeId)
        const known = await store.repositories.findByForge(forgeId, id)
        if (forge === undefined) return
        await reconciler.connections.refresh(forge, known, { id, installationId: null }, 'event', signal)
      }
    },
    secrets: { keeper, keyrings, ...secrets, queued: () => signals.send('builds', {}) },
    isLoopbackTold,
    redactors: secrets.redactors,
    hasImage,
    routesChanged,
    now,
    logger,
    certificate: certificateOf(config)
  })
  await listen(internal, config, paths.socket)
  closers.add('internal', () => internal.close())

  const producers = {
    build: createProducer('build', queue, onRedisError),
    deploy: createProducer('deploy', queue, onRedisError)
  }
  closers.add('producers', async () => {
    await Promise.all([producers.build.close(), producers.deploy.close()])
  })
  const reader = createTrafficReader(queue, onRedisError)
  closers.add('traffic reader', () => reader.close())
  const recorder = createTrafficRecorder({ traffic: store.traffic, reader, isLeader, periodMs: 2000, logger })
  closers.add('traffic', () => recorder.close())
  const limits = { slots: config.BUILD_SLOTS, perOwner: config.BUILD_SLOTS_PER_OWNER, redispatchMs: config.LEASE_MS }
  const dispatcher = createDispatcher({ builds: store.builds, isLeader, producers, limits, now, logger })
  closers.add('dispatcher', () => dispatcher.close())
  closers.add(
    'waking',
    listening(signals, 'builds', () => dispatcher.wake())
  )

  const wakeQueue = () => {
    dispatcher.wake()
    events.wake()
  }
  const reconciler = createReconciler({
    store,
    forges,
    installationBranch: config.BUILD_BRANCH ?? null,
    isPolled: ({ instance: { forgeId, baseUrl } }) =>
      modeFor(addresses, baseUrl, followed.app(forgeId)).mode === 'polling',
    headsEveryMs: config.HEADS_EVERY_MS,
    removalGraceMs: config.REMOVAL_GRACE_MS,
    isLeader,
    queued: () => wakeQueue(),
    routesChanged,
    stop: (buildId) => signals.send('cancel', { buildId }),
    now,
    monotonicNow,
    logger
  })
  closers.add('reconciler', async () => {
    await reconciler.loop.close()
  })
  closers.add(
    'overtaking',
    listening(signals, 'builds', () => reconciler.overrides.wake())
  )

  const events = createEvents({
    store,
    forges,
    connections: reconciler.connections,
    installationBranch: config.BUILD_BRANCH ?? null,
    isLeader,
    queued: () => dispatcher.wake(),
    now,
    monotonicNow,
    logger
  })
  closers.add('events', () => events.close())
  const secretUpkeep = createSecretUpkeep({ secrets: store.secrets, isLeader, now, logger })
  closers.add('secret upkeep', () => secretUpkeep.close())
  followed.onChange(() => reconciler.follow())
  loops.push(schedules, reconciler.loop, strays, dispatcher, events, recovery, reporter, drain)
  closers.add(
    'hearing',
    listening(signals, 'events', () => events.wake())
  )
  // A push of a repository that is not known yet waits for its owner to be looked up.
  closers.add(
    'finding',
    listening(signals, 'builds', () => events.wake())
  )

  const runStage = createStage({
    builds: store.builds,
    leaseMs: config.LEASE_MS,
    now,
    logger,
    onCancel: (listener) => signals.listen('cancel', ({ buildId }) => listener(buildId)),
    changed: (buildId) => {
      changed(buildId)
      dispatcher.wake()
    }
  })
  const deploy = createDeploy({
    store,
    cluster,
    runStage,
    redactors: secrets.redactors,
    forges: describe(forges),
    hasImage,
    startTimeoutMs: config.ROLLOUT_TIMEOUT_MS,
    holder,
    leaseMs: config.LEASE_MS,
    now,
    logger,
    routesChanged,
    changed
  })
  const consumer = createConsumer('deploy', queue, deploy, {
    concurrency: config.DEPLOY_CONCURRENCY,
    graceMs: config.STOP_GRACE_MS,
    onError: onRedisError
  })
  closers.add('deploy worker', () => consumer.close())
  const presence = createPresence({
    services: store.services,
    kind: 'deployer',
    id: holder,
    facts: async () => ({ isLeader: isLeader() }),
    now,
    logger
  })
  closers.add('presence', () => presence.close())
  closers.add(
    'gateways that are there',
    keepGatewayPresence({ services: store.services, signals, isLeader, now, logger })
  )
  const health = await startHealth(config, {
    logger,
    needs: { store: () => store.ping() },
    figures: [activeBuilds(store)]
  })
  if (health !== null) closers.add('health', () => health.close())
  return { url: null, close: () => closers.close() }
}

/** How much there is to do: builders are added and taken away by it. */
function activeBuilds({ builds }: Pick<Store, 'builds'>): Figure {
  return {
    name: 'slipway_builds',
    help: 'Builds that have not ended, by what they wait for or go through',
    label: 'status',
    async read() {
      const { queued, building, deploying } = await builds.counts()
      return { queued, building, deploying }
    }
  }
}

function listening(signals: Signals, name: SignalName, listener: () => void): () => void {
  return signals.listen(name, listener)
}

/** What roll-outs say of where something came from. */
function describe(forges: ReadonlyMap<string, ForgeApi>) {
  return {
    get(forgeId: string) {
      const api = forges.get(forgeId)
      if (api === undefined) return undefined
      const { kind } = api.instance
      return { kind, repositoryUrl: (repository: { fullName: string }) => api.repositoryUrl(repository) }
    }
  }
}

/** A live function's status leads to the function, everything else to the build's page. */
function linksOf({ PUBLIC_URL, GATEWAY_PUBLIC_URL }: DeployerConfig) {
  return (build: Build, ownerSlug: string | null, functionName: string | null): string | null => {
    if (build.status === 'live' && functionName !== null && ownerSlug !== null && GATEWAY_PUBLIC_URL !== undefined) {
      return `${GATEWAY_PUBLIC_URL}/function/${ownerSlug}-${functionName}`
    }
    return PUBLIC_URL === undefined ? null : `${PUBLIC_URL}/builds/${build.id}`
  }
}
