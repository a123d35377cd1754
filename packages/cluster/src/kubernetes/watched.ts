import { EventEmitter } from 'node:events'
import type { KubernetesListObject, KubernetesObject, V1Deployment, V1Pod } from '@kubernetes/client-node'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import type { CallSettings, KubernetesApi } from './api.ts'

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

const restartMs = 1000
/** Watches are begun anew so often: one that a proxy keeps open without telling anything would be believed for ever. */
const resyncMs = 300_000

export function createWatched(api: KubernetesApi, installation: string, logger: ClusterLogger): Watched {
  const selector = `${labels.installation}=${installation}`
  const emitter = new EventEmitter().setMaxListeners(0)
  const closing = new AbortController()
  const core = api.config.makeApiClient(api.client.CoreV1Api)
  const apps = api.config.makeApiClient(api.client.AppsV1Api)

  function follow<T extends KubernetesObject>(
    path: string,
    list: (settings: CallSettings) => Promise<KubernetesListObject<T>>
  ) {
    const informer = api.client.makeInformer<T>(
      api.config,
      path,
      () => api.call(`list ${path}`, closing.signal, list),
      selector
    )
    const tell = ({ metadata }: T) => {
      const deploymentId = metadata?.labels?.[labels.deployment]
      if (deploymentId !== undefined) emitter.emit(deploymentId)
    }
    informer.on('change', tell)
    let timer: NodeJS.Timeout | null = null
    let isOpen = false
    const restart = (afterMs: number) => {
      if (timer !== null) clearTimeout(timer)
      timer = setTimeout(() => void renew(), afterMs).unref()
    }
    const renew = async () => {
      await informer.stop()
      if (!closing.signal.aborted) await informer.start()
    }
    informer.on('error', (err: unknown) => {
      if (closing.signal.aborted) return
      logger.warn({ err, path }, 'the watch ended: begun anew')
      restart(restartMs)
    })
    informer.on('connect', () => restart(resyncMs))
    return {
      objects: informer,
      async start() {
        if (isOpen) return
        isOpen = true
        await informer.start()
      },
      async close() {
        if (timer !== null) clearTimeout(timer)
        await informer.stop()
      }
    }
  }

  const deployments = follow<V1Deployment>('/apis/apps/v1/deployments', (settings) =>
    apps.listDeploymentForAllNamespaces({ labelSelector: selector }, settings)
  )
  const pods = follow<V1Pod>('/api/v1/pods', (settings) =>
    core.listPodForAllNamespaces({ labelSelector: selector }, settings)
  )
  const isOf = (deploymentId: string) => (object: KubernetesObject) =>
    object.metadata?.labels?.[labels.deployment] === deploymentId

  return {
    async start(signal) {
      signal.throwIfAborted()
      await Promise.all([deployments.start(), pods.start()])
    },
    deployment: (deploymentId) => deployments.objects.list().find(isOf(deploymentId)) ?? null,
    pods: (deploymentId) => pods.objects.list().filter(isOf(deploymentId)),
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
      await Promise.all([deployments.close(), pods.close()])
    }
  }
}
