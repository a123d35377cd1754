import { type Deployment, pinnedReference, secretsDirectory } from '@slipway/domain'
import type { ContainerCreateOptions, HostConfig } from 'dockerode'
import { labels, shortInstallation } from '../labels.ts'
import type { HostFacts } from './host.ts'
import type { LocalImage } from './image.ts'
import { gatewayHosts } from './owner-bridge.ts'

const tmpBytes = 64 * 1024 * 1024
const pidsLimit = 256
/**
 * A share of the processor is counted over so long. A Node process takes about 120 ms of processor to start: with the usual 100 ms
 * half a processor would stop it in every period, with this it starts in the first one. The share is the same.
 */
const cpuPeriodMs = 250
/** A function that keeps failing stops being restarted; the reconciler starts it again later. */
const maximumRestarts = 10
/** Who a function is when its image would have it be root. */
export const unprivilegedUser = '10001:10001'

export interface ReplicaPlan {
  deployment: Deployment
  installation: string
  /** Counts from 1. */
  replica: number
  network: string
  address: string
  /** Where the gateway listens for the owner; null: it does not. */
  gatewayAddress: string | null
  /** Of the container that holds the network and the address; null when the replica has them by itself. */
  sandboxId: string | null
  image: LocalImage
  /** Where the deployment's secrets are; null: it has none. */
  secretsPath: string | null
  /** `uid` or `uid:group`, never a name and never root. */
  user: string
  host: HostFacts
  resolvers: readonly string[]
}

export function containerName(installation: string, deployment: Deployment, replica: number): string {
  const short = deployment.id.replaceAll(/[^A-Za-z0-9]/g, '').slice(-12)
  return `slw-${shortInstallation(installation)}-${deployment.clusterName}-${short}-${replica}`
}

/** Everything that a replica is allowed, field by field: nothing of a repository's names a field here. */
export function containerOptions(plan: ReplicaPlan): ContainerCreateOptions {
  const { deployment, network, address, sandboxId } = plan
  const { spec } = deployment
  return {
    Image: pinnedReference(deployment.image),
    User: plan.user,
    Env: Object.entries({
      ...spec.environment,
      ...(spec.fprocess === null ? {} : { fprocess: spec.fprocess })
    }).map(([name, value]) => `${name}=${value}`),
    Labels: replicaLabels(plan),
    // Readiness is asked from outside; what an image wants to run inside for it only takes time.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: hostConfig(plan),
    ...(sandboxId === null
      ? { NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address } } } } }
      : {})
  }
}

/** The platform's own come last: neither an image nor a repository can imitate them. */
function replicaLabels({ deployment, installation, replica, address, sandboxId }: ReplicaPlan): Record<string, string> {
  return {
    ...deployment.annotations,
    ...deployment.labels,
    [labels.installation]: installation,
    [labels.deployment]: deployment.id,
    [labels.owner]: deployment.ownerSlug,
    [labels.function]: deployment.functionName,
    [labels.clusterName]: deployment.clusterName,
    [labels.replica]: String(replica),
    [labels.address]: address,
    [labels.role]: 'replica',
    [labels.sandbox]: sandboxId ?? ''
  }
}

function hostConfig(plan: ReplicaPlan): HostConfig {
  const { deployment, network, sandboxId, image, host, resolvers, user, secretsPath } = plan
  const { limits, hasReadonlyRoot } = deployment.spec
  return {
    // Who joins a network has the DNS servers and names of hosts that are known there.
    ...(sandboxId === null
      ? { NetworkMode: network, Dns: [...resolvers], ExtraHosts: gatewayHosts(plan.gatewayAddress) }
      : { NetworkMode: `container:${sandboxId}` }),
    Init: true, // a process without a handler would ignore SIGTERM as PID 1
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: maximumRestarts },
    LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    ReadonlyRootfs: hasReadonlyRoot,
    // An image's volume would be a directory of the host without a limit: it gets memory with one, as /tmp does.
    Tmpfs: Object.fromEntries(
      ['/tmp', ...image.volumes]
        .filter((path) => secretsPath === null || path.replace(/\/+$/, '') !== secretsDirectory)
        .map((path) => [path, tmpfsOptions(user)])
    ),
    // Unlike a bind by `Binds` it is refused where nothing is there to be mounted.
    Mounts:
      secretsPath === null ? [] : [{ Type: 'bind', Source: secretsPath, Target: secretsDirectory, ReadOnly: true }],
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges:true'],
    Privileged: false,
    IpcMode: 'private',
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes, // the same: no swap
    CpuPeriod: cpuPeriodMs * 1000,
    // More than there is limits nothing, and some engines refuse it.
    CpuQuota: Math.min(limits.cpuMillis, host.cpus * 1000) * cpuPeriodMs,
    PidsLimit: pidsLimit,
    Ulimits: [
      { Name: 'nofile', Soft: 16_384, Hard: 16_384 },
      { Name: 'core', Soft: 0, Hard: 0 }
    ]
  }
}

/** Owned by the function: the engine keeps the mode that the directory has in the image, whatever is asked for. */
function tmpfsOptions(user: string): string {
  const owner = user
    .split(':')
    .flatMap((id, index) => (/^\d+$/.test(id) ? [`${index === 0 ? 'uid' : 'gid'}=${id}`] : []))
  return ['rw', 'nosuid', 'nodev', 'exec', `size=${tmpBytes}`, 'mode=1777', ...owner].join(',')
}
