import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createOpenFaasCluster, type OpenFaasClusterOptions } from '@slipway/cluster/openfaas'
import { type Cluster, type Deployment, endpointUrl } from '@slipway/domain'
import { freePort } from '@slipway/machine'
import { type ClusterHarness, functionImage, pushImage } from '@slipway/testing'
import Docker from 'dockerode'
import { createOpenFaasScene } from '../system/openfaas-scene.ts'

export interface OurGround extends ClusterHarness {
  /** Another Slipway's cluster on it. */
  clusterAt(address: string, change?: Partial<OpenFaasClusterOptions>): Cluster
  address: string
}

/**
 * Another installation's functions on the OpenFaaS gateway that ours is.
 *
 * @param namespaces `one`: all in that of dave, who has a token; `owner`: each owner's in its own, by the administrator's token
 */
export async function openClusterOfOurs(namespaces: 'one' | 'owner'): Promise<OurGround> {
  const scene = await createOpenFaasScene({ READY_TIMEOUT_MS: '2500' })
  const token = namespaces === 'one' ? scene.token : await readAdministratorsToken(scene)
  const docker = new Docker()
  const { id } = await functionImage(docker)
  // Where the owner of the suite's functions may have images from.
  const repository = `${scene.registry}/${namespaces === 'one' ? 'dave' : 'slipway-alice'}/tried`
  const image = await pushImage(docker, { image: id, repository, tag: 'latest' })
  const clusterAt = (address: string, change: Partial<OpenFaasClusterOptions> = {}) =>
    createOpenFaasCluster({
      installation: 'another',
      address: new URL(address),
      credential: { username: 'any', password: token },
      namespaces,
      namespace: namespaces === 'one' ? 'dave' : null,
      pullSecret: null,
      filesOf: () => Promise.resolve(new Map()),
      readyTimeoutMs: 60_000,
      logger: { info: () => undefined, warn: () => undefined },
      ...change
    })
  const { gateway } = scene.installation.endpoints
  const cluster = clusterAt(gateway)
  return {
    clusterAt,
    address: gateway,
    cluster,
    // Whom it asks gives up, by what a stack.yml would have said.
    impatient: { ...cluster, apply: (deployment, signal) => cluster.apply(hasty(deployment), signal) },
    other: clusterAt(gateway, { installation: randomUUID(), credential: { token } }),
    away: clusterAt(`http://127.0.0.1:${await freePort()}`),
    image,
    missingImage: { ...image, digest: `sha256:${'b'.repeat(64)}` },
    stopReplicas: null,
    tellsStreams: false,
    tellsExits: true,
    hasOwnEndpoints: false,
    async print(deployment, text) {
      const found = await cluster.list(AbortSignal.timeout(10_000))
      const [endpoint] = found.find(({ deploymentId }) => deploymentId === deployment.id)?.endpoints ?? []
      if (endpoint === undefined) throw new Error('it has no replica that could print')
      await fetchText(endpointUrl(endpoint), `/print?text=${encodeURIComponent(text)}`)
    },
    fetch: (endpoint, path) => fetchText(endpointUrl(endpoint), path),
    async close() {
      await cluster.close()
      await docker.getImage(`${repository}:latest`).remove()
      await scene.close()
    }
  }
}

const readAdministratorsToken = async ({ directory }: { directory: string }) =>
  (await readFile(join(directory, 'home', 'admin-token'), 'utf8')).trim()

function hasty(deployment: Deployment): Deployment {
  const failureThreshold = String(deployment.spec.readiness.failureThreshold)
  return { ...deployment, annotations: { 'com.openfaas.ready.http.failureThreshold': failureThreshold } }
}

export async function fetchText(address: string, target: string): Promise<string> {
  const answer = await fetch(`${address}${target}`, { signal: AbortSignal.timeout(10_000) })
  if (!answer.ok) throw new Error(`GET ${target} answered ${answer.status}`)
  return answer.text()
}
