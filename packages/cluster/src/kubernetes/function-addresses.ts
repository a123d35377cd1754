import type { V1EndpointSlice } from '@kubernetes/client-node'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import { createAddressBook } from './address-book.ts'
import { connectKubernetes } from './api.ts'
import { createFeed, type Feed, type FeedListener, follow } from './feed.ts'

/** Whose functions call, by the addresses that their pods have. */
export interface FunctionAddresses {
  /**
   * At once where it is certain; else what is known after a moment, in which the cluster may tell of a pod that has just started, or
   * that one which ended has given its address back.
   *
   * @returns an owner's slug; null: no function's, or it cannot be told.
   */
  ownerOf(address: string): Promise<string | null>
  close(): Promise<void>
}

export interface FunctionAddressesOptions {
  feed: Feed<V1EndpointSlice>
  logger: ClusterLogger
  /** How long an address that nobody knows may wait to be told of. One whose pod ends waits a third of it. */
  settleMs?: number
  /** For how long what was told is believed when the cluster says nothing any more. */
  believedMs?: number
  now?: () => number
}

/** Who is nobody's is not waited for again so soon: where addresses are translated, every caller is. */
const strangerMs = 30_000
/** Connections that wait, and strangers that are remembered, at most. */
const limit = 1000

/**
 * @param kubeconfig a file; null: the service account of the pod that this runs in.
 * @throws Failure `invalid-configuration`
 */
export async function openFunctionAddresses(
  kubeconfig: string | null,
  installation: string,
  logger: ClusterLogger
): Promise<FunctionAddresses> {
  const api = await connectKubernetes(kubeconfig)
  const discovery = api.config.makeApiClient(api.client.DiscoveryV1Api)
  const labelSelector = `${labels.installation}=${installation}`
  const feed = createFeed<V1EndpointSlice>(api, {
    what: 'endpoint slices',
    path: '/apis/discovery.k8s.io/v1/endpointslices',
    labelSelector,
    list: (page, settings) => discovery.listEndpointSliceForAllNamespaces({ labelSelector, ...page }, settings)
  })
  return createFunctionAddresses({ feed, logger })
}

export function createFunctionAddresses(options: FunctionAddressesOptions): FunctionAddresses {
  const { feed, logger, settleMs = 3000, believedMs = 60_000, now = () => performance.now() } = options
  const book = createAddressBook()
  const closing = new AbortController()
  const strangers = new Map<string, number>()
  const waiting = new Set<() => void>()
  let heardAt = Number.NEGATIVE_INFINITY
  let isAway = false

  function heard(change: () => void): void {
    if (isAway || heardAt === Number.NEGATIVE_INFINITY)
      logger.info({}, 'the Kubernetes API tells addresses of functions')
    heardAt = now()
    isAway = false
    change()
    for (const look of waiting) look()
  }

  const isBelieved = () => now() - heardAt <= believedMs
  const isCertain = (address: string) => isBelieved() && book.look(address).isCertain

  const listener: FeedListener<V1EndpointSlice> = {
    all: (slices) => heard(() => book.replace(slices)),
    put: (slice) => heard(() => book.put(slice)),
    remove: (slice) => heard(() => book.remove(slice)),
    beat: () => heard(() => undefined)
  }
  const away = (err: unknown) => {
    if (!isAway) logger.warn({ err }, 'the Kubernetes API does not tell addresses of functions')
    isAway = true
  }

  function settled(address: string): Promise<void> {
    const waitMs = book.look(address).owner === null ? settleMs : settleMs / 3
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        waiting.delete(look)
        resolve()
      }
      const look = () => {
        if (closing.signal.aborted || isCertain(address)) done()
      }
      const timer = setTimeout(done, waitMs)
      waiting.add(look)
    })
  }

  function note(stranger: string): void {
    if (strangers.size >= limit) strangers.clear()
    strangers.set(stranger, now() + strangerMs)
  }

  const following = follow(feed, listener, away, closing.signal)
  return {
    async ownerOf(address) {
      const isStranger = (strangers.get(address) ?? Number.NEGATIVE_INFINITY) > now()
      if (!isCertain(address) && !isStranger && waiting.size < limit) await settled(address)
      const owner = isBelieved() ? book.look(address).owner : null
      if (owner === null) note(address)
      else strangers.delete(address)
      return owner
    },
    async close() {
      closing.abort()
      for (const look of waiting) look()
      await following
    }
  }
}
