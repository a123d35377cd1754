import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import { pause } from '../pause.ts'
import { type CallSettings, type KubernetesApi, listAll, type Page, translate } from './api.ts'

/** Who is told what the API server says of objects. */
export interface FeedListener<T> {
  /** All that there are: what was told before and is not among them is gone. */
  all(objects: readonly T[]): void
  put(object: T): void
  remove(object: T): void
  /** It answers; nothing has changed. */
  beat(): void
}

/** Tells all that there is, then every change. Ends by an error alone. */
export type Feed<T> = (listener: FeedListener<T>, signal: AbortSignal) => Promise<never>

export interface FeedOf<T> {
  /** What is asked for, for messages: `pods`. */
  what: string
  path: string
  labelSelector: string
  list(page: Page, settings: CallSettings): Promise<KubernetesListObject<T & KubernetesObject>>
  /** How often all are asked for again, whatever the watches told. */
  resyncMs?: number
  /** How often watches are begun anew, from where the one before ended. One that does not end by itself by then is dead: so is its connection. */
  watchMs?: number
}

/** What a watch may take longer than the API server was asked to keep it. */
const lateMs = 5000
/** A proxy may end them at once. */
const leastMs = 1000
const restartMs = 1000

export function createFeed<T extends KubernetesObject>(api: KubernetesApi, of: FeedOf<T>): Feed<T> {
  const { what, path, labelSelector, list, resyncMs = 300_000, watchMs = 20_000 } = of
  const { client, config } = api

  /** @returns the version that the next one goes on from; null: what came after it is not known any more, all have to be asked for */
  function watchOnce(from: string, listener: FeedListener<T>, signal: AbortSignal): Promise<string | null> {
    let version = from
    const timeoutSeconds = Math.ceil(watchMs / 1000)
    const query = { labelSelector, resourceVersion: from, allowWatchBookmarks: true, timeoutSeconds }
    return new Promise((resolve, reject) => {
      const ending = new AbortController()
      const end = (settle: () => void) => {
        if (ending.signal.aborted) return
        signal.removeEventListener('abort', giveUp)
        clearTimeout(dead)
        ending.abort()
        settle()
      }
      const fail = (err: unknown) => {
        if (isTooOld(err)) end(() => resolve(null))
        else end(() => reject(translate(client, `watch ${what}`, err)))
      }
      const giveUp = () => end(() => reject(signal.reason))
      const hear = (type: string, object: T) => {
        if (ending.signal.aborted) return
        if (type === 'ERROR') {
          const said = JSON.stringify(object)
          const refused = new Failure('unavailable', `could not watch ${what}: the Kubernetes API says ${said}`)
          fail(isTooOld(object) ? object : refused)
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
      const opened = (running: AbortController) => {
        if (ending.signal.aborted) running.abort()
        else listener.beat()
        ending.signal.addEventListener('abort', () => running.abort())
      }
      const dead = setTimeout(() => end(() => resolve(version)), watchMs + lateMs)
      signal.addEventListener('abort', giveUp)
      if (signal.aborted) giveUp()
      else new client.Watch(config).watch(path, query, hear, done).then(opened, fail)
    })
  }

  async function listOnce(listener: FeedListener<T>, signal: AbortSignal): Promise<string> {
    const { items, version } = await listAll<T>(api, `list ${what}`, signal, list)
    listener.all(items)
    return version
  }

  return async (listener, signal) => {
    for (;;) {
      let version: string | null = await listOnce(listener, signal)
      const listedAt = performance.now()
      while (version !== null && performance.now() - listedAt < resyncMs) {
        const begin = performance.now()
        version = await watchOnce(version, listener, signal)
        const tookMs = performance.now() - begin
        if (tookMs < leastMs) await pause(leastMs - tookMs, signal)
      }
    }
  }
}

/** Of the answer to a watch, or of the error that is told in one: 410. */
function isTooOld(said: unknown): boolean {
  if (typeof said !== 'object' || said === null) return false
  return ('code' in said && said.code === 410) || ('statusCode' in said && said.statusCode === 410)
}

/**
 * Follows until it is given up, whatever becomes of the API server.
 *
 * @param away is told each time that it could not be gone on with: all is asked for again a second later.
 */
export async function follow<T>(
  feed: Feed<T>,
  listener: FeedListener<T>,
  away: (err: unknown) => void,
  signal: AbortSignal
): Promise<void> {
  while (!signal.aborted) {
    try {
      await feed(listener, signal)
    } catch (err) {
      if (signal.aborted) return
      away(err)
    }
    await pause(restartMs, signal).catch(() => undefined)
  }
}
