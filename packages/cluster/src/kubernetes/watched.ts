import { EventEmitter } from 'node:events'
import type { KubernetesObject, V1Deployment, V1ObjectMeta, V1Pod } from '@kubernetes/client-node'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import type { KubernetesApi } from './api.ts'
import { createFeed } from './feed.ts'
import { createKept } from './kept.ts'

/** The cluster's objects of this installation as they change, by deployment. Started by the first who asks. */
export interface Watched {
  /** Settles when what the cluster says has been heard. @throws Failure `unavailable` */
  start(signal: AbortSignal): Promise<void>
  deployment(deploymentId: string): V1Deployment | null
  pods(deploymentId: string): V1Pod[]
  /** Ends with the next change of the deployment's objects, or after `timeoutMs`. */
  changed(deploymentId: string, timeoutMs: number, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export function createWatched(api: KubernetesApi, installation: string, logger: ClusterLogger): Watched {
  const labelSelector = `${labels.installation}=${installation}`
  const emitter = new EventEmitter().setMaxListeners(0)
  const closing = new AbortController()
  const core = api.config.makeApiClient(api.client.CoreV1Api)
  const apps = api.config.makeApiClient(api.client.AppsV1Api)
  const changed = (deploymentId: string) => void emitter.emit(deploymentId)

  const deployments = createKept<V1Deployment>(
    {
      what: 'deployments',
      feed: createFeed(api, {
        what: 'deployments',
        path: '/apis/apps/v1/deployments',
        labelSelector,
        list: (page, settings) => apps.listDeploymentForAllNamespaces({ labelSelector, ...page }, settings)
      }),
      part: (deployment) => ({
        metadata: withoutManagers(deployment),
        ...(deployment.spec && { spec: deployment.spec }),
        ...(deployment.status && { status: deployment.status })
      }),
      changed,
      logger
    },
    closing.signal
  )
  const pods = createKept<V1Pod>(
    {
      what: 'pods',
      feed: createFeed(api, {
        what: 'pods',
        path: '/api/v1/pods',
        labelSelector,
        list: (page, settings) => core.listPodForAllNamespaces({ labelSelector, ...page }, settings)
      }),
      part: (pod) => ({ metadata: withoutManagers(pod), ...(pod.status && { status: pod.status }) }),
      changed,
      logger
    },
    closing.signal
  )

  return {
    async start(signal) {
      signal.throwIfAborted()
      await Promise.all([deployments.start(signal), pods.start(signal)])
    },
    deployment: (deploymentId) => deployments.of(deploymentId)[0] ?? null,
    pods: pods.of,
    async changed(deploymentId, timeoutMs, signal) {
      signal.throwIfAborted()
      await new Promise<void>((resolve, reject) => {
        const done = () => {
          clearTimeout(timer)
          emitter.off(deploymentId, done)
          signal.removeEventListener('abort', abort)
          resolve()
        }
        const abort = () => {
          done()
          reject(signal.reason)
        }
        const timer = setTimeout(done, timeoutMs)
        emitter.once(deploymentId, done)
        signal.addEventListener('abort', abort, { once: true })
      })
    },
    async close() {
      closing.abort()
      await Promise.all([deployments.ended(), pods.ended()])
    }
  }
}

/** Who set which field is half of an object, and nobody asks for it. */
function withoutManagers({ metadata }: KubernetesObject): V1ObjectMeta {
  const { managedFields: _, ...rest } = metadata ?? {}
  return rest
}
