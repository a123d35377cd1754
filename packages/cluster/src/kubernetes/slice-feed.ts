import type { V1EndpointSlice } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import { labels } from '../labels.ts'
import { pause } from '../pause.ts'
import { type KubernetesApi, translate } from './api.ts'

/** Who is told what the API server says of the slices. */
export interface SliceListener {
  all(slices: readonly V1EndpointSlice[]): void
  put(slice: V1EndpointSlice): void
  remove(slice: V1EndpointSlice): void
  /** It answers; nothing has changed. */
  beat(): void
}

/** Tells all that there is, then every change. Ends by an error alone. */
export type SliceFeed = (listener: SliceListener, signal: AbortSignal) => Promise<never>

const path = '/apis/discovery.k8s.io/v1/endpointslices'
/** Watches are begun anew so often: where the connection is dead it is noticed by that. */
const watchSeconds = 20
/** A proxy may end them at once. */
const leastMs = 1000

export function createSliceFeed(api: KubernetesApi, installation: string): SliceFeed {
  const labelSelector = `${labels.installation}=${installation}`
  const { client, config } = api
  const discovery = config.makeApiClient(client.DiscoveryV1Api)

  /** @returns the version that the next one goes on from */
  function watchOnce(from: string, listener: SliceListener, signal: AbortSignal): Promise<string> {
    let version = from
    const query = { labelSelector, resourceVersion: from, allowWatchBookmarks: true, timeoutSeconds: watchSeconds }
    return new Promise((resolve, reject) => {
      const ending = new AbortController()
      const end = (settle: () => void) => {
        if (ending.signal.aborted) return
        signal.removeEventListener('abort', giveUp)
        ending.abort()
        settle()
      }
      const fail = (err: unknown) => end(() => reject(translate(client, 'watch endpoint slices', err)))
      const giveUp = () => end(() => reject(signal.reason))
      const hear = (type: string, object: V1EndpointSlice) => {
        if (ending.signal.aborted) return
        if (type === 'ERROR') {
          const said = JSON.stringify(object)
          fail(new Failure('unavailable', `could not watch endpoint slices: the Kubernetes API says ${said}`))
          return
        }
        version = object.metadata?.resourceVersion ?? version
        if (type === 'ADDED' || type === 'MODIFIED') listener.put(object)
        else if (type === 'DELETED') listener.remove(object)
        else listener.beat()
      }
      const done = (err: unknown) => {
        if (err !== null && err !== undefined) {
          fail(err)
          return
        }
        end(() => {
          listener.beat()
          resolve(version)
        })
      }
      const opened = (watch: AbortController) => {
        if (ending.signal.aborted) watch.abort()
        else listener.beat()
        ending.signal.addEventListener('abort', () => watch.abort())
      }
      signal.addEventListener('abort', giveUp)
      if (signal.aborted) giveUp()
      else new client.Watch(config).watch(path, query, hear, done).then(opened, fail)
    })
  }

  return async (listener, signal) => {
    const { items, metadata } = await api.call('list endpoint slices', signal, (settings) =>
      discovery.listEndpointSliceForAllNamespaces({ labelSelector }, settings)
    )
    listener.all(items)
    for (let version = metadata?.resourceVersion ?? ''; ; ) {
      const begin = performance.now()
      version = await watchOnce(version, listener, signal)
      const tookMs = performance.now() - begin
      if (tookMs < leastMs) await pause(leastMs - tookMs, signal)
    }
  }
}
