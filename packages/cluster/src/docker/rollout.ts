import { type Deployment, type Endpoint, Failure } from '@slipway/domain'
import { type Engine, longCallMs } from './engine.ts'
import type { Firewall } from './firewall.ts'
import { assertConstraints, type HostFacts } from './host.ts'
import type { Images, LocalImage } from './image.ts'
import type { OwnerNetwork, OwnerNetworks } from './network.ts'
import type { ReadinessLimits } from './readiness.ts'
import { endpointOf, type Replica, type Replicas } from './replicas.ts'
import type { Sandboxes } from './sandboxes.ts'
import type { SecretFiles } from './secret-files.ts'
import { watchStartup } from './startup.ts'
import { gatewayOf } from './subnet.ts'

export interface RolloutDeps {
  engine: Engine
  installation: string
  replicas: Replicas
  secretFiles: Pick<SecretFiles, 'write'>
  networks: OwnerNetworks
  sandboxes: Pick<Sandboxes, 'take' | 'remove'>
  images: Images
  firewall: Firewall
  hostFacts: (signal: AbortSignal) => Promise<HostFacts>
  resolvers: readonly string[]
  /** The gateway listens on the owners' bridges. */
  hasGateway: boolean
  limits: ReadinessLimits
}

/** A replica that runs, and whether it did so before it was asked for. */
interface Running {
  replica: Replica
  isNew: boolean
}

/** What is known when a roll-out begins. `network` and `image` are null while there is none. */
interface Scene {
  existing: Replica[]
  pinned: Set<string>
  network: OwnerNetwork | null
  image: LocalImage | null
  host: HostFacts
}

const addressTries = 5

/**
 * Brings a deployment to `count` replicas that are ready, and removes those above.
 * When one does not become ready, all that this call started are taken away again; replicas that ran before are kept.
 */
export function createRollout(deps: RolloutDeps) {
  const {
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
    hasGateway,
    limits
  } = deps

  async function look(deployment: Deployment, signal: AbortSignal): Promise<Scene> {
    const { ownerSlug } = deployment
    const [existing, pinned, network, image, host] = await Promise.all([
      replicas.list(deployment.id, signal),
      replicas.addressesIn(networks.nameOf(ownerSlug), signal),
      networks.find(ownerSlug, signal),
      images.find(deployment.image, signal),
      hostFacts(signal),
      firewall.assert(signal) // before anything of a stranger runs
    ])
    return { existing, pinned, network, image, host }
  }

  /** @returns null when nothing is ready to be joined, or what was ready turned out to be gone. */
  async function joinReady(
    deployment: Deployment,
    number: number,
    scene: Scene,
    signal: AbortSignal
  ): Promise<Replica | null> {
    const sandbox = await sandboxes.take(deployment.ownerSlug, signal)
    if (sandbox === null) return null
    let replica: Replica | null = null
    try {
      const image = scene.image ?? (await images.pull(deployment.image, signal))
      const network = networks.nameOf(deployment.ownerSlug)
      const { id: sandboxId, address } = sandbox
      const { host } = scene
      const plan = {
        deployment,
        installation,
        replica: number,
        network,
        address,
        gatewayAddress: null,
        sandboxId,
        image,
        host,
        resolvers
      }
      replica = await replicas.create(plan, signal)
      if ((await replicas.start(replica, signal)) === 'started') return replica
      await replicas.remove(replica, 0, signal)
      return null
    } finally {
      // Another process may have made the replica first, with a network of its own.
      if (replica?.sandboxId !== sandbox.id) await sandboxes.remove(sandbox.id, AbortSignal.timeout(longCallMs))
    }
  }

  async function makeNew(deployment: Deployment, number: number, scene: Scene, signal: AbortSignal): Promise<Replica> {
    const joined = await joinReady(deployment, number, scene, signal)
    if (joined !== null) return joined
    for (let tries = 1; ; tries++) {
      const [network, image] = await Promise.all([
        scene.network ?? networks.ensure(deployment.ownerSlug, signal),
        scene.image ?? images.pull(deployment.image, signal)
      ])
      const address = networks.takeAddress(network, scene.pinned)
      try {
        const { host } = scene
        const plan = {
          deployment,
          installation,
          replica: number,
          network: network.name,
          address,
          gatewayAddress: hasGateway ? gatewayOf(network.subnet) : null,
          sandboxId: null,
          image,
          host,
          resolvers
        }
        const replica = await replicas.create(plan, signal)
        const outcome = await replicas.start(replica, signal)
        if (outcome === 'started') return replica
        await replicas.remove(replica, 0, signal)
        if (outcome === 'network-gone') scene.network = null
        if (tries === addressTries)
          throw new Failure('unavailable', `${deployment.clusterName} got no address: ${outcome}`)
      } finally {
        networks.releaseAddress(address)
      }
      scene.pinned = await replicas.addressesIn(networks.nameOf(deployment.ownerSlug), signal)
    }
  }

  /** Keeps what runs, starts what stands still, makes what is missing. */
  async function bringUp(deployment: Deployment, number: number, scene: Scene, signal: AbortSignal): Promise<Running> {
    const found = scene.existing.find((replica) => replica.number === number)
    if (found?.state === 'running') return { replica: found, isNew: false }
    if (found !== undefined) {
      const canStart = !['dead', 'removing', 'stranded'].includes(found.state)
      if (canStart && (await replicas.start(found, signal)) === 'started') return { replica: found, isNew: true }
      await replicas.remove(found, 0, signal)
    }
    return { replica: await makeNew(deployment, number, scene, signal), isNew: true }
  }

  /** @returns for each replica null, or why it is not ready. The first that is not ends the wait for the others. */
  async function judge(deployment: Deployment, running: Running[], signal: AbortSignal): Promise<(string | null)[]> {
    const decided = new AbortController()
    const both = AbortSignal.any([signal, decided.signal])
    return await Promise.all(
      running.map(async ({ replica, isNew }) => {
        // One of a version that never went live may have been left by who died while it started.
        const isServing = !isNew && deployment.status !== 'starting'
        try {
          const reason = await watchStartup(engine, replica, deployment, limits, isServing, both)
          if (reason !== null) decided.abort()
          return reason
        } catch (err) {
          if (decided.signal.aborted && !signal.aborted) return null
          decided.abort()
          throw err
        }
      })
    )
  }

  async function takeAway(unwanted: Replica[], graceMs: number, signal: AbortSignal): Promise<void> {
    await Promise.all(unwanted.map((replica) => replicas.remove(replica, graceMs, signal)))
  }

  return async function rollOut(deployment: Deployment, count: number, signal: AbortSignal): Promise<Endpoint[]> {
    const scene = await look(deployment, signal)
    assertConstraints(deployment.spec.constraints, scene.host)
    await secretFiles.write(deployment)
    const numbers = Array.from({ length: count }, (_, index) => index + 1)
    const settled = await Promise.allSettled(numbers.map((number) => bringUp(deployment, number, scene, signal)))
    const running = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const broken = settled.find((one) => one.status === 'rejected')
    if (broken !== undefined) {
      const { reason } = broken
      if (reason instanceof Failure && !reason.retry && !signal.aborted) {
        const kept = new Set(running.filter(({ isNew }) => !isNew).map(({ replica }) => replica.number))
        const made = await replicas.list(deployment.id, signal)
        await takeAway(
          made.filter(({ number }) => !kept.has(number)),
          0,
          signal
        )
      }
      throw reason
    }
    const reasons = await judge(deployment, running, signal)
    const index = reasons.findIndex((reason) => reason !== null)
    if (index >= 0) {
      const unwanted = running.filter(({ isNew }, at) => isNew || reasons[at] !== null)
      await takeAway(
        unwanted.map(({ replica }) => replica),
        0,
        signal
      )
      const which = count === 1 ? '' : ` (replica ${index + 1} of ${count})`
      throw new Failure('not-ready', `${deployment.clusterName}${which} did not become ready: ${reasons[index]}`)
    }
    const extra = scene.existing.filter(({ number }) => number > count)
    await takeAway(extra, deployment.spec.writeTimeoutMs, signal)
    return running.map(({ replica }) => endpointOf(replica))
  }
}
