import type { KubernetesObject } from '@kubernetes/client-node'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import { type Feed, type FeedListener, follow } from './feed.ts'

/** The objects of one kind as the cluster has them, by deployment. */
export interface Kept<T> {
  /** Begins with the first call. Settles when what the cluster says has been heard. @throws Failure `unavailable` */
  start(signal: AbortSignal): Promise<void>
  of(deploymentId: string): T[]
  ended(): Promise<void>
}

export interface KeptDeps<T> {
  feed: Feed<T>
  /** What they are, for the log: `pods`. */
  what: string
  /** What of an object is asked for: thousands of them are held. */
  part(object: T): T
  /** Something of this deployment has changed. */
  changed(deploymentId: string): void
  logger: ClusterLogger
}

export function createKept<T extends KubernetesObject>(deps: KeptDeps<T>, closing: AbortSignal): Kept<T> {
  const { feed, what, part, changed, logger } = deps
  /** By deployment, then by name. */
  const objects = new Map<string, Map<string, T>>()
  let following: Promise<void> | null = null
  let isAway = false
  let isHeard = false
  let heard = unheard()

  function put(object: T): void {
    const id = deploymentOf(object)
    if (id === undefined) return
    const held = objects.get(id) ?? new Map<string, T>()
    held.set(nameOf(object), part(object))
    objects.set(id, held)
  }

  function remove(object: T): void {
    const id = deploymentOf(object)
    if (id === undefined) return
    const held = objects.get(id)
    held?.delete(nameOf(object))
    if (held?.size === 0) objects.delete(id)
  }

  const isBack = () => {
    if (isAway) logger.info({ what }, 'the Kubernetes API tells changes again')
    isAway = false
  }
  const listener: FeedListener<T> = {
    all(all) {
      const before = [...objects.keys()]
      objects.clear()
      for (const object of all) put(object)
      isBack()
      isHeard = true
      heard.resolve()
      for (const id of new Set([...before, ...objects.keys()])) changed(id)
    },
    put(object) {
      put(object)
      isBack()
      changed(deploymentOf(object) ?? '')
    },
    remove(object) {
      remove(object)
      isBack()
      changed(deploymentOf(object) ?? '')
    },
    beat: isBack
  }
  const away = (err: unknown) => {
    if (!isAway) logger.warn({ err, what }, 'the Kubernetes API does not tell changes, it is asked again and again')
    isAway = true
    if (isHeard) return // what is known is gone on with
    heard.reject(err)
    heard = unheard()
  }

  return {
    async start(signal) {
      following ??= follow(feed, listener, away, closing)
      const aborted = Promise.withResolvers<never>()
      const abort = () => aborted.reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      await Promise.race([heard.promise, aborted.promise]).finally(() => signal.removeEventListener('abort', abort))
    },
    of: (deploymentId) => [...(objects.get(deploymentId)?.values() ?? [])],
    ended: async () => following ?? undefined
  }
}

/** Nobody has to wait for it. */
function unheard() {
  const heard = Promise.withResolvers<void>()
  heard.promise.catch(() => undefined)
  return heard
}

function deploymentOf({ metadata }: KubernetesObject): string | undefined {
  return metadata?.labels?.[labels.deployment]
}

function nameOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace}/${metadata?.name}`
}
