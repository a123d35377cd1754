import { type Cluster, type Deployment, type Endpoint, Failure } from '@slipway/domain'
import type Docker from 'dockerode'
import { createInFlight } from '../in-flight.ts'
import { mergedLogs } from '../log-order.ts'
import type { ClusterLogger } from '../logger.ts'
import type { RegistryCredentials } from '../registry-credentials.ts'
import { runChecks } from './check.ts'
import { createEngine } from './engine.ts'
import { createFirewall } from './firewall.ts'
import { gatewayFinding } from './gateway-port.ts'
import { type HostFacts, readHostFacts } from './host.ts'
import { createImages } from './image.ts'
import { containerLogs } from './logs.ts'
import { createOwnerNetworks } from './network.ts'
import { createReplicas, endpointOf, type Replica } from './replicas.ts'
import { createRollout } from './rollout.ts'
import { createSandboxes } from './sandboxes.ts'
import { createSecretFiles, type SecretFilesOptions } from './secret-files.ts'
import { formatSubnet, parseSubnet } from './subnet.ts'

export interface DockerClusterOptions {
  /** An engine, or how to reach one. */
  docker: Docker | Docker.DockerOptions
  /** Id of the installation: every object carries it, and only those that do are listed or touched. */
  installation: string
  /** Each owner gets a network of its own from here: `10.201.0.0/16`. */
  networkPool: string
  /** Size of an owner's network; 26 is room for 61 replicas. */
  subnetPrefix: number
  /** Where the gateway listens on the addresses of the owners' bridges; null when it does not. */
  gatewayPort: number | null
  /** By the registry's `host[:port]`, as it stands in names of images. */
  registryAuth: Readonly<Record<string, RegistryCredentials>>
  /** Where functions get their secrets from. */
  secrets: Pick<SecretFilesOptions, 'directory' | 'filesOf'>
  /** DNS servers of the functions; empty: the engine's own choice, of which private ones stay unreachable. */
  resolvers: readonly string[]
  firewall: 'on' | 'off'
  /** For how many owners a network is kept ready that the next replica only joins. */
  readyNetworks: number
  /** How long a deployment may take to become ready, at least; its own thresholds may allow more. */
  readyTimeoutMs?: number
  /** How long an image may take from its registry into the engine. */
  pullTimeoutMs?: number
  logger: ClusterLogger
  now: () => number
}

/** Functions as containers of one Docker engine: a container for each replica, a network for each owner. */
export function createDockerCluster(options: DockerClusterOptions): Cluster {
  const { installation, resolvers, logger, now, readyTimeoutMs = 60_000, pullTimeoutMs = 600_000 } = options
  const pool = parseSubnet(options.networkPool)
  const engine = createEngine(options.docker)
  const secretFiles = createSecretFiles({ ...options.secrets, now })
  const networks = createOwnerNetworks({ engine, installation, pool, subnetPrefix: options.subnetPrefix })
  const images = createImages({ engine, registryAuth: options.registryAuth, pullTimeoutMs })
  const { gatewayPort } = options
  const firewall = createFirewall({ mode: options.firewall, pool: formatSubnet(pool), gatewayPort, resolvers, logger })
  const limits = { readyTimeoutMs, now }
  let facts: HostFacts | null = null
  const hostFacts = async (signal: AbortSignal) => (facts ??= await readHostFacts(engine, signal))
  const sandboxes = createSandboxes({
    engine,
    installation,
    networks,
    addressesIn: (network, signal) => replicas.addressesIn(network, signal),
    joined: (signal) => replicas.joined(signal),
    architecture: async (signal) => (await hostFacts(signal)).architecture,
    resolvers,
    hasGateway: gatewayPort !== null,
    limit: options.readyNetworks,
    logger,
    now
  })
  const replicas = createReplicas({ engine, installation, sandboxes, secretFiles })
  const rollOut = createRollout({
    engine,
    installation,
    replicas,
    secretFiles,
    networks,
    sandboxes,
    images,
    firewall,
    hostFacts,
    resolvers,
    hasGateway: gatewayPort !== null,
    limits
  })
  const inFlight = createInFlight({ logger, now })
  const busyOwners = new Map<string, number>()

  async function rollOutAlone(deployment: Deployment, count: number, signal: AbortSignal): Promise<Endpoint[]> {
    const { ownerSlug } = deployment
    busyOwners.set(ownerSlug, (busyOwners.get(ownerSlug) ?? 0) + 1)
    try {
      const endpoints = await inFlight.alone(deployment, count, (both) => rollOut(deployment, count, both), signal)
      // Who pushes now pushes again soon; whose functions are brought back after a reboot may not.
      if (deployment.status === 'starting') sandboxes.prepare(ownerSlug)
      return endpoints
    } finally {
      busyOwners.set(ownerSlug, (busyOwners.get(ownerSlug) ?? 1) - 1)
    }
  }

  /** An owner who has nothing left needs no network; one for whom something is being started does. The same with secrets. */
  async function removeIdle(signal: AbortSignal): Promise<void> {
    const [left, slugs] = await Promise.all([replicas.list(null, signal), networks.owners(signal)])
    const deployments = new Set(left.map(({ deploymentId }) => deploymentId))
    await secretFiles.sweep((id) => deployments.has(id) || inFlight.has(id))
    const inUse = new Set(left.map(({ ownerSlug }) => ownerSlug))
    const idle = slugs.filter((slug) => !inUse.has(slug) && (busyOwners.get(slug) ?? 0) === 0)
    await Promise.all(
      idle.map(async (slug) => {
        await sandboxes.removeAll(slug, signal)
        await networks.remove(slug, signal)
      })
    )
  }

  async function bring(deployment: Deployment, count: number, signal: AbortSignal): Promise<Endpoint[]> {
    try {
      return await rollOutAlone(deployment, count, signal)
    } catch (err) {
      if (err instanceof Failure && !err.retry && !signal.aborted) {
        if ((await replicas.list(deployment.id, signal)).length === 0) await secretFiles.remove(deployment.id)
        await removeIdle(signal)
      }
      throw err
    }
  }

  return {
    kind: 'docker',
    capabilities: { switch: 'atomic', watch: 'poll' },
    apply: (deployment, signal) => bring(deployment, deployment.replicas, signal),
    scale: (deployment, count, signal) => bring(deployment, count, signal),
    async remove(deploymentId, graceMs, signal) {
      await inFlight.giveUp(deploymentId)
      const found = await replicas.list(deploymentId, signal)
      await Promise.all(found.map((replica) => replicas.remove(replica, graceMs, signal)))
      await secretFiles.remove(deploymentId)
      await removeIdle(signal)
      if (found.length > 0) logger.info({ deploymentId, replicas: found.length }, 'deployment removed')
    },
    async list(signal) {
      const groups = Map.groupBy(await replicas.list(null, signal), ({ deploymentId }) => deploymentId)
      return [...groups.values()].map(objectOf)
    },
    logs: (deploymentId, logOptions, signal) =>
      mergedLogs(
        async (both) =>
          (await replicas.list(deploymentId, both)).map(({ id, name }) =>
            containerLogs(engine, { id, instance: name }, logOptions, both)
          ),
        logOptions.follow,
        signal
      ),
    async check(signal) {
      const findings = await runChecks({ engine, networks, firewall, installation }, signal)
      if (gatewayPort !== null) findings.push(await gatewayFinding(gatewayPort))
      return [...findings, { name: 'secrets', isOk: true, detail: await secretFiles.describe() }]
    },
    async close() {
      await inFlight.close()
      await sandboxes.close()
      engine.close()
    }
  }
}

function objectOf(replicas: Replica[]) {
  const [first] = replicas
  if (first === undefined) throw new TypeError('a deployment without replicas is not listed')
  const running = replicas.filter(({ state }) => state === 'running')
  return {
    deploymentId: first.deploymentId,
    clusterName: first.clusterName,
    ownerSlug: first.ownerSlug,
    replicas: replicas.length,
    availableReplicas: running.length,
    createdAt: Math.max(...replicas.map(({ createdAt }) => createdAt)),
    endpoints: running.map(endpointOf)
  }
}
