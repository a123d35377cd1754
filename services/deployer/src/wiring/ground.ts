import { randomUUID } from 'node:crypto'
import type { Cluster, Store } from '@slipway/domain'
import type { SignalName, Signals } from '@slipway/queue'
import { createRegistryClient } from '@slipway/registry'
import { type Closers, homePaths, type Logger, type Loop, queueConfig, registryAuth } from '@slipway/service'
import { createAllowList } from '../allow-list.ts'
import { createCluster } from '../cluster/cluster.ts'
import type { DeployerConfig } from '../config.ts'
import type { PublicAddresses } from '../forges/connect.ts'
import { createForgeServices, type ForgeServices } from '../forges/forge-services.ts'
import { type Installation, installationOf } from '../installation.ts'
import { createLeadership } from '../leadership.ts'
import { createSecretServices, type SecretServices } from '../secrets/secret-services.ts'

export interface DeployerDeps {
  store: Store
  signals: Signals
  /** Frees what removed images leave in a registry of Slipway's own; left out where the registry is somebody else's. */
  collectLayers?: (signal: AbortSignal) => Promise<number>
  /** Around what else the registry is asked: where it is Slipway's own, it is away meanwhile. */
  atRegistry?: <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>
  logger: Logger
}

/** What every part of the deployer stands on. */
export interface Ground extends Omit<DeployerDeps, 'atRegistry'> {
  config: DeployerConfig
  paths: ReturnType<typeof homePaths>
  installation: Installation
  /** Of this process, in leases and claims. */
  holder: string
  addresses: PublicAddresses
  secrets: SecretServices
  forges: ForgeServices
  cluster: Cluster
  registry: ReturnType<typeof createRegistryClient>
  /** Does the registry have it? */
  hasImage(pinned: string, signal: AbortSignal): Promise<boolean>
  queue: ReturnType<typeof queueConfig>
  onRedisError(err: Error): void
  isLeader(): boolean
  now: () => number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  closers: Closers
  /** Closes it in its turn. */
  keep(name: string, opened: { close(): Promise<void> | void }): void
  /** One that is woken, too, when this process becomes the leader. */
  lead(name: string, loop: Loop): void
  hear(what: string, signal: SignalName, listener: () => void): void
}

export async function openGround(config: DeployerConfig, deps: DeployerDeps, closers: Closers): Promise<Ground> {
  const { store, signals, atRegistry = (work) => work(), logger } = deps
  const now = Date.now
  const monotonicNow = () => performance.now()
  const holder = `deployer-${randomUUID()}`
  const paths = homePaths(config.SLIPWAY_HOME)
  const installation = await installationOf(store)
  const keep: Ground['keep'] = (name, opened) => closers.add(name, () => opened.close())
  const hear: Ground['hear'] = (what, signal, listener) => closers.add(what, signals.listen(signal, listener))
  const secrets = createSecretServices({
    store,
    encryptionKeys: config.ENCRYPTION_KEYS ?? null,
    encryptionFile: paths.encryptionKeys,
    now
  })
  const addresses = { pages: config.PUBLIC_URL, receiver: config.RECEIVER_PUBLIC_URL ?? config.PUBLIC_URL }
  const forges = await createForgeServices({
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
  keep('forges', forges.followed.loop)
  hear('forge changes', 'forges', () => forges.followed.loop.wake())
  const cluster = await createCluster(config, {
    installation: installation.id,
    filesOf: (deployment) => secrets.keeper.filesOf(deployment),
    logger,
    now
  })
  keep('cluster', cluster)
  const registry = createRegistryClient(registryAuth(config))

  const led: Loop[] = []
  const leadership = await createLeadership(store.settings, holder, now, monotonicNow, logger, () => {
    for (const loop of led) loop.wake()
  })
  keep('leadership', leadership)
  const { isLeader } = leadership
  const lead: Ground['lead'] = (name, loop) => {
    led.push(loop)
    keep(name, loop)
  }

  const allowList = await createAllowList({
    owners: store.owners,
    source: config.ALLOWED_OWNERS ?? null,
    everyMs: config.ALLOWED_OWNERS_EVERY_MS,
    isLeader,
    changed: () => signals.send('builds', {}),
    logger
  })
  if (allowList !== null) lead('allow list', allowList)

  return {
    ...deps,
    config,
    paths,
    installation,
    holder,
    addresses,
    secrets,
    forges,
    cluster,
    registry,
    hasImage: async (pinned, signal) => (await atRegistry(() => registry.digest(pinned, signal), signal)) !== null,
    queue: queueConfig(config),
    onRedisError: (err) => logger.debug({ err }, 'Redis does not answer'),
    isLeader,
    now,
    monotonicNow,
    closers,
    keep,
    lead,
    hear
  }
}
