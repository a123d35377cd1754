import { type Deployment, type Endpoint, Failure, functionPort } from '@slipway/domain'
import type { ContainerInfo } from 'dockerode'
import { labels } from '../labels.ts'
import { containerName, containerOptions, type ReplicaPlan, unprivilegedUser } from './container.ts'
import { type Engine, engineMessage, longCallMs, statusOf } from './engine.ts'
import { removeContainer } from './remove-container.ts'
import type { Sandboxes } from './sandboxes.ts'
import type { SecretFiles } from './secret-files.ts'
import { fileOfArchive, userByName, userOf } from './user.ts'

/** A container of this installation, as the engine lists it. */
export interface Replica {
  id: string
  name: string
  deploymentId: string
  clusterName: string
  ownerSlug: string
  /** Counts from 1. */
  number: number
  createdAt: number
  address: string
  /** Of the container whose network it has joined; null when it has one of its own. */
  sandboxId: string | null
  /**
   * The engine's word: `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`;
   * or `stranded` when it runs, but what held its network does not: nobody reaches it, and it cannot be mended.
   */
  state: string
}

export interface Replicas {
  /** Of one deployment, in the order of their numbers; of all of this installation for null. */
  list(deploymentId: string | null, signal: AbortSignal): Promise<Replica[]>
  /** Sandboxes that replicas of this installation have joined. */
  joined(signal: AbortSignal): Promise<Set<string>>
  /** Addresses that any container, ours or not, is pinned to in a network, running or not. */
  addressesIn(network: string, signal: AbortSignal): Promise<Set<string>>
  /**
   * @returns the new replica, or the same one when another process made it first.
   * @throws Failure `unsupported` when the engine refuses the configuration.
   */
  create(plan: Omit<ReplicaPlan, 'user' | 'secretsPath'>, signal: AbortSignal): Promise<Replica>
  /**
   * @returns `address-taken` when another container got there first: make another one;
   *   `network-gone` when its network is not there any more.
   * @throws Failure `not-ready` when the engine cannot run what the image names.
   */
  start(replica: Replica, signal: AbortSignal): Promise<'started' | 'address-taken' | 'network-gone'>
  /** Lets it finish for at most `graceMs`, then removes it. Not there is fine. */
  remove(replica: Replica, graceMs: number, signal: AbortSignal): Promise<void>
}

const untilItEnds = new AbortController().signal
const passwdLimitBytes = 1024 * 1024

export function endpointOf({ address }: Replica): Endpoint {
  return { host: address, port: functionPort }
}

export interface ReplicasDeps {
  engine: Engine
  installation: string
  sandboxes: Pick<Sandboxes, 'running' | 'start' | 'remove'>
  secretFiles: Pick<SecretFiles, 'pathOf'>
}

export function createReplicas({ engine, installation, sandboxes, secretFiles }: ReplicasDeps): Replicas {
  const usersByName = new Map<string, string>()

  async function listBy(filters: Record<string, string[]>, signal: AbortSignal): Promise<ContainerInfo[]> {
    return await engine.call('list containers', signal, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters, abortSignal })
    )
  }

  async function createContainer(plan: ReplicaPlan, signal: AbortSignal): Promise<Replica> {
    const name = containerName(installation, plan.deployment, plan.replica)
    // Without `_query` dockerode puts the whole body, environment included, into the address as well.
    const options = { name, _query: { name }, _body: containerOptions(plan) }
    signal.throwIfAborted()
    // Given up in the middle, it would come into being after whoever takes the deployment away has looked.
    const created = await engine.call(
      'create a container',
      untilItEnds,
      (docker, abortSignal) => docker.createContainer({ ...options, abortSignal }),
      longCallMs
    )
    const { deployment, replica, address, sandboxId } = plan
    return {
      id: created.id,
      name,
      deploymentId: deployment.id,
      clusterName: deployment.clusterName,
      ownerSlug: deployment.ownerSlug,
      number: replica,
      createdAt: Date.now(),
      address,
      sandboxId,
      state: 'created'
    }
  }

  async function removeFully(id: string, signal: AbortSignal): Promise<void> {
    if ((await removeContainer(engine, id, signal)) === 'gone') return
    await engine
      .call('wait for a removal', signal, (docker, abortSignal) =>
        docker.getContainer(id).wait({ condition: 'removed', abortSignal })
      )
      .catch((err: unknown) => {
        if (statusOf(err) !== 404) throw err
      })
  }

  /** A user by name is looked up in the image's own list, which can be read once there is a container of it. */
  async function resolveUser(replica: Replica, image: ReplicaPlan['image'], signal: AbortSignal): Promise<string> {
    let passwd = ''
    try {
      passwd = await engine.call('read /etc/passwd of an image', signal, async (docker, abortSignal) => {
        const archive = await docker.getContainer(replica.id).getArchive({ path: '/etc/passwd', abortSignal })
        return await fileOfArchive(archive, passwdLimitBytes)
      })
    } catch (err) {
      if (statusOf(err) !== 404) throw err // an image without the file has no names
    }
    const user = userByName(image.user, passwd)
    usersByName.set(`${image.id} ${image.user}`, user)
    return user
  }

  async function listAll(deploymentId: string | null, signal: AbortSignal): Promise<Replica[]> {
    const label = [`${labels.installation}=${installation}`]
    label.push(deploymentId === null ? labels.deployment : `${labels.deployment}=${deploymentId}`)
    const found = await listBy({ label }, signal)
    return found.map(replicaOf).sort((a, b) => a.number - b.number)
  }

  async function list(deploymentId: string | null, signal: AbortSignal): Promise<Replica[]> {
    const found = await listAll(deploymentId, signal)
    if (found.every(({ sandboxId }) => sandboxId === null)) return found
    const running = await sandboxes.running(signal)
    return found.map((replica) => {
      const isStranded = replica.state === 'running' && replica.sandboxId !== null && !running.has(replica.sandboxId)
      return isStranded ? { ...replica, state: 'stranded' } : replica
    })
  }

  async function findReplica({ id }: Deployment, number: number, signal: AbortSignal): Promise<Replica | undefined> {
    return (await list(id, signal)).find((replica) => replica.number === number)
  }

  return {
    list,
    async joined(signal) {
      return new Set((await listAll(null, signal)).flatMap(({ sandboxId }) => sandboxId ?? []))
    },
    async addressesIn(network, signal) {
      const found = await listBy({ network: [network] }, signal)
      return new Set(found.flatMap((container) => addressesOf(container, network)))
    },
    async create(wanted, signal) {
      const plan = { ...wanted, secretsPath: secretFiles.pathOf(wanted.deployment) }
      const known = userOf(plan.image.user) ?? usersByName.get(`${plan.image.id} ${plan.image.user}`)
      try {
        if (known !== undefined) return await createContainer({ ...plan, user: known }, signal)
        // Should it be left behind by a crash and started later, it is nobody special.
        const first = await createContainer({ ...plan, user: unprivilegedUser }, signal)
        const user = await resolveUser(first, plan.image, signal)
        if (user === unprivilegedUser) return first
        await removeFully(first.id, signal)
        return await createContainer({ ...plan, user }, signal)
      } catch (err) {
        const other = statusOf(err) === 409 ? await findReplica(plan.deployment, plan.replica, signal) : undefined
        if (other !== undefined) return other
        throw createFailure(err, plan.deployment)
      }
    },
    async start(replica, signal) {
      try {
        const isNew = replica.state === 'created'
        if (replica.sandboxId !== null && !isNew && !(await sandboxes.start(replica.sandboxId, signal)))
          return 'network-gone'
        await engine.call(
          'start a container',
          signal,
          async (docker, abortSignal) => {
            const container = docker.getContainer(replica.id)
            await (replica.state === 'paused' ? container.unpause() : container.start({ abortSignal }))
          },
          longCallMs
        )
        return 'started'
      } catch (err) {
        const message = engineMessage(err)
        if (statusOf(err) === 304) return 'started'
        if (statusOf(err) === null) throw err
        if (/address already in use/i.test(message)) return 'address-taken'
        if (/network .*not found|network .*does not exist|could not find a network/i.test(message))
          return 'network-gone'
        // However the engine puts it that what holds the network does not run, or is not there: it names it.
        if (replica.sandboxId !== null && message.includes(replica.sandboxId)) return 'network-gone'
        if (statusOf(err) !== 400) throw err // 400: what the image says cannot be run
        throw new Failure('not-ready', `the function's process could not be started: ${message}`, { cause: err })
      }
    },
    async remove(replica, graceMs, signal) {
      if (graceMs > 0) {
        try {
          await engine.call(
            'stop a container',
            signal,
            (docker, abortSignal) =>
              docker.getContainer(replica.id).stop({ t: Math.ceil(graceMs / 1000), abortSignal }),
            graceMs + longCallMs
          )
        } catch (err) {
          if (statusOf(err) !== 304 && statusOf(err) !== 404 && statusOf(err) !== 409) throw err
        }
      }
      await removeFully(replica.id, signal)
      if (replica.sandboxId !== null) await sandboxes.remove(replica.sandboxId, signal)
    }
  }
}

function replicaOf(container: ContainerInfo): Replica {
  const { Id, Names, Labels, State, Created } = container
  return {
    id: Id,
    name: (Names[0] ?? Id).replace(/^\//, ''),
    deploymentId: Labels[labels.deployment] ?? '',
    clusterName: Labels[labels.clusterName] ?? '',
    ownerSlug: Labels[labels.owner] ?? '',
    number: Number(Labels[labels.replica]),
    // Seconds, cut off.
    createdAt: Created * 1000 + 999,
    address: Labels[labels.address] ?? '',
    sandboxId: Labels[labels.sandbox] || null,
    state: State
  }
}

function addressesOf({ Labels, NetworkSettings }: ContainerInfo, network: string): string[] {
  const endpoint = NetworkSettings.Networks[network]
  const pinned: unknown = endpoint?.IPAMConfig
  const wanted =
    typeof pinned === 'object' && pinned !== null && 'IPv4Address' in pinned ? String(pinned.IPv4Address) : ''
  return [Labels[labels.address] ?? '', wanted, endpoint?.IPAddress ?? ''].filter((address) => address !== '')
}

function createFailure(err: unknown, deployment: Deployment): unknown {
  const status = statusOf(err)
  // The image was there a moment ago: the next try pulls it.
  if (status === 404) {
    return new Failure('unavailable', `the image of ${deployment.clusterName} was removed meanwhile`, { cause: err })
  }
  if (status !== 400) return err
  return new Failure('unsupported', `the engine refuses ${deployment.clusterName}: ${engineMessage(err)}`, {
    cause: err
  })
}
