import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster, Endpoint, ImageReference } from '@slipway/domain'
import { connectDocker, startRegistry } from '@slipway/machine'
import { functionImage, pushImage } from '@slipway/testing'
import Docker from 'dockerode'
import { labels } from '../labels.ts'
import { createDockerCluster, type DockerClusterOptions } from './cluster.ts'

/** What the contract tests stand on: the machine's engine, a registry of their own, and the function's image in it. */
export interface Ground {
  docker: Docker
  /** Of this run: everything that it makes carries it. */
  installation: string
  image: ImageReference
  /** The same image with Dockerfile instructions on top. */
  variant(changes: string): Promise<ImageReference>
  credentials: { username: string; password: string }
  registry: string
  /** What deployments with secrets have, and where it is written. */
  secrets: Map<string, Buffer>
  secretsDirectory: string
  cluster(change?: Partial<DockerClusterOptions>): Cluster
  close(): Promise<void>
}

const silent = { info: () => undefined, warn: () => undefined }

export async function openGround(): Promise<Ground> {
  const installation = randomUUID()
  const { connection } = await connectDocker()
  const docker = new Docker(connection)
  const directory = await mkdtemp(join(tmpdir(), 'slipway-cluster-'))
  const credentials = { username: 'slipway', password: randomUUID() }
  const registry = await startRegistry({ directory, auth: credentials })
  const { reference } = await functionImage(docker)
  const repository = `${registry.host}/alice/hello`
  const pushed = await pushImage(docker, { image: reference, repository, tag: 'base', credentials })
  const tags = [`${repository}:base`]
  const clusters: Cluster[] = []
  const secretsDirectory = join(directory, 'secrets')
  const secrets = new Map<string, Buffer>()
  return {
    docker,
    installation,
    image: pushed,
    credentials,
    secretsDirectory,
    secrets,
    registry: registry.host,
    async variant(changes) {
      const tag = `variant-${tags.length}`
      const container = await docker.createContainer({
        Image: reference,
        Labels: { [labels.installation]: installation }
      })
      try {
        await container.commit({ repo: repository, tag, changes })
      } finally {
        await container.remove()
      }
      tags.push(`${repository}:${tag}`)
      return await pushImage(docker, { image: `${repository}:${tag}`, repository, tag, credentials })
    },
    cluster(change = {}) {
      const made = createDockerCluster({
        docker: connection,
        installation,
        networkPool: '10.201.0.0/16',
        subnetPrefix: 26,
        gatewayPort: null,
        registryAuth: { [registry.host]: credentials },
        resolvers: [],
        secrets: { directory: secretsDirectory, filesOf: () => Promise.resolve(secrets) },
        firewall: 'on',
        readyNetworks: 0,
        readyTimeoutMs: 30_000,
        logger: silent,
        now: Date.now,
        ...change
      })
      clusters.push(made)
      return made
    },
    async close() {
      for (const cluster of clusters) await cluster.close()
      await removeAll(docker, installation)
      for (const tag of tags) await docker.getImage(tag).remove()
      const filters = { label: [`${labels.installation}=${installation}`] }
      for (const { Id } of await docker.listImages({ filters })) await docker.getImage(Id).remove({ force: true })
      await registry.stop()
      await rm(directory, { recursive: true, force: true })
    }
  }
}

/** Removes every container and network that carries the installation. */
export async function removeAll(docker: Docker, installation: string): Promise<void> {
  const filters = { label: [`${labels.installation}=${installation}`] }
  const containers = await docker.listContainers({ all: true, filters })
  for (const { Id } of containers) await docker.getContainer(Id).remove({ force: true, v: true })
  const networks = await docker.listNetworks({ filters })
  for (const { Id } of networks) await docker.getNetwork(Id).remove()
}

/** Asks a replica; fails for anything but 2xx. */
export async function fetchText({ host, port }: Endpoint, path: string): Promise<string> {
  const answer = await fetch(`http://${host}:${port}${path}`, { signal: AbortSignal.timeout(10_000) })
  if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}`)
  return await answer.text()
}

/** The same for what the function tells of itself. */
export async function fetchJson(endpoint: Endpoint, path: string): Promise<Record<string, unknown>> {
  const value: unknown = JSON.parse(await fetchText(endpoint, path))
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
