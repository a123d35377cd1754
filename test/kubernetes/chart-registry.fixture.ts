import { randomUUID } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectDocker, startRegistry } from '@slipway/machine'
import { pushImage } from '@slipway/testing'
import Docker from 'dockerode'
import { createCertificates } from './certificates.ts'
import { nodeAddress } from './ground.ts'
import type { LocalCluster } from './local-cluster.ts'
import { forwardHttps } from './reach.fixture.ts'

/** A registry of one's own as a cluster has it: one name for engines, services and nodes, a password, a certificate by an authority of one's own. */
export interface ChartRegistry {
  host: string
  credentials: { username: string; password: string }
  /** The authority's certificate, PEM. */
  authority: string
  /** Where the base image for Node is. */
  baseNode: string
  close(): Promise<void>
}

export async function openChartRegistry(directory: string, cluster: LocalCluster): Promise<ChartRegistry> {
  const base = process.env.BASE_NODE
  if (base === undefined) throw new Error('BASE_NODE is not set: start with "npm run test:kubernetes"')
  await using opened = new AsyncDisposableStack()
  await mkdir(directory, { recursive: true })
  const credentials = { username: 'slipway', password: randomUUID() }
  const registry = await startRegistry({ directory: join(directory, 'registry'), auth: credentials })
  opened.defer(() => registry.stop())
  const { authority, issue } = await createCertificates(directory)
  const way = await forwardHttps(registry.port, await issue('registry', { user: 'registry', addresses: [nodeAddress] }))
  opened.defer(() => way.close())
  const host = `${nodeAddress}:${way.port}`
  await cluster.trustRegistry(host, authority)

  const { connection } = await connectDocker()
  const docker = new Docker(connection)
  const repository = `${registry.host}/base/node`
  const { digest } = await pushImage(docker, { image: base, repository, tag: 'base', credentials })
  opened.defer(() => docker.getImage(`${repository}:base`).remove())
  const kept = opened.move()
  return {
    host,
    credentials,
    authority: await readFile(authority, 'utf8'),
    baseNode: `${host}/base/node@${digest}`,
    close: () => kept.disposeAsync()
  }
}
