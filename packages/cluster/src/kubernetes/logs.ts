import type { Readable } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import { Failure, type RuntimeLogOptions, runtimeLineLimit } from '@slipway/domain'
import type { StampedLine } from '../log-order.ts'
import { pause } from '../pause.ts'
import type { KubernetesApi } from './api.ts'
import { isOver } from './judge.ts'
import { containerName } from './objects.ts'
import type { Watched } from './watched.ts'

const reattachMs = 500
const lookMs = 2000
const stampLimit = 64

interface Place {
  namespace: string
  name: string
}

/** What one pod printed, as the kubelet keeps it: both streams in one, which is told as `stdout`. */
export async function* podLogs(
  api: KubernetesApi,
  { namespace, name }: Place,
  options: RuntimeLogOptions,
  signal: AbortSignal
): AsyncGenerator<StampedLine> {
  const over = new AbortController()
  const body = await openLog(api, { namespace, name }, options, AbortSignal.any([signal, over.signal]))
  if (body === null) return
  try {
    for await (const line of linesOf(body)) {
      const space = line.indexOf(' ')
      const stamp = line.slice(0, space)
      const at = Date.parse(stamp)
      // The API counts in seconds.
      if (options.since !== null && at < options.since) continue
      yield { at, stamp, instance: name, stream: 'stdout', text: line.slice(space + 1, space + 1 + runtimeLineLimit) }
    }
  } catch (err) {
    // An end by the signal is no error: the reader has gone.
    if (!signal.aborted) throw unread(name, err)
  } finally {
    over.abort()
  }
}

/** One pod's as long as it is there: a container that is started again prints on. */
async function* followedPod(
  api: KubernetesApi,
  pod: Place,
  isThere: () => boolean,
  { since, tail }: RuntimeLogOptions,
  signal: AbortSignal
): AsyncGenerator<StampedLine> {
  let options: RuntimeLogOptions = { follow: true, since, tail }
  let told = ''
  for (;;) {
    const before = told
    try {
      for await (const line of podLogs(api, pod, options, signal)) {
        if (line.stamp <= before) continue // from before it was opened again
        if (line.stamp > told) told = line.stamp
        options = { follow: true, since: line.at, tail: null }
        yield line
      }
    } catch (err) {
      if (!(err instanceof Failure && err.retry)) throw err
    }
    if (!isThere() || signal.aborted) return
    await pause(reattachMs, signal)
  }
}

/** A log for each pod of a deployment, those that are made later with all that they print. Ends when the deployment is gone. */
export async function* followedPods(
  api: KubernetesApi,
  watched: Watched,
  deploymentId: string,
  options: RuntimeLogOptions,
  signal: AbortSignal
): AsyncGenerator<AsyncGenerator<StampedLine>> {
  await watched.start(signal)
  const known = new Set<string>()
  const living = () => watched.pods(deploymentId).filter((pod) => !isOver(pod))
  let asked = options
  for (;;) {
    for (const pod of living()) {
      const place = placeOf(pod)
      if (known.has(place.name)) continue
      known.add(place.name)
      const isThere = () => living().some(({ metadata }) => metadata?.name === place.name)
      yield followedPod(api, place, isThere, asked, signal)
    }
    if (watched.deployment(deploymentId) === null && living().length === 0) return
    asked = { follow: true, since: null, tail: null }
    await watched.changed(deploymentId, lookMs, signal)
  }
}

export function placeOf({ metadata }: V1Pod): Place {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }
}

/** Cut where they are too long: what never ends its line is not held until it does. */
async function* linesOf(body: Readable): AsyncGenerator<string> {
  const limit = stampLimit + runtimeLineLimit
  let rest = ''
  let isCut = false
  for await (const chunk of body.setEncoding('utf8')) {
    const [first = '', ...others] = String(chunk).split('\n')
    for (const [index, part] of [first, ...others].entries()) {
      if (index > 0) {
        if (!isCut) yield rest.replace(/\r$/, '')
        rest = ''
        isCut = false
      }
      if (isCut) continue
      rest += part
      isCut = rest.length >= limit
      if (isCut) yield rest
    }
  }
  if (!isCut && rest !== '') yield rest
}

/** The client's own call neither streams what it reads nor survives an abort. @returns null for a pod that is gone, or has not started */
async function openLog(
  { client, config }: KubernetesApi,
  pod: Place,
  { follow, since, tail }: RuntimeLogOptions,
  signal: AbortSignal
): Promise<Readable | null> {
  const server = config.getCurrentCluster()?.server ?? ''
  // One of many clusters behind one address has a path of its own.
  const url = new URL(`${server.replace(/\/$/, '')}/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log`)
  url.search = new URLSearchParams({
    container: containerName,
    follow: String(follow),
    timestamps: 'true',
    ...(tail === null ? {} : { tailLines: String(tail) }),
    ...(since === null ? {} : { sinceTime: new Date(since).toISOString() })
  }).toString()
  const context = new client.RequestContext(url.href, client.HttpMethod.GET)
  try {
    await config.applySecurityAuthentication(context)
    const dispatcher = context.getDispatcher()
    // 8 MiB that stay in every process that has it.
    const { request } = await import('undici')
    const answer = await request(url, {
      headers: context.getHeaders(),
      signal,
      // Of one that is followed even the answer begins with the first line, however long that takes.
      ...(follow ? { headersTimeout: 0, bodyTimeout: 0 } : {}),
      ...(dispatcher === undefined ? {} : { dispatcher })
    })
    if (answer.statusCode === 200) return answer.body
    await answer.body.dump()
    if (answer.statusCode === 400 || answer.statusCode === 404) return null
    const said = `could not read the log of ${pod.name}: the Kubernetes API says ${answer.statusCode}`
    throw new Failure('unavailable', said)
  } catch (err) {
    if (signal.aborted) return null
    throw unread(pod.name, err)
  }
}

function unread(name: string, err: unknown): Failure {
  if (err instanceof Failure) return err
  return new Failure('unavailable', `could not read the log of ${name}: the Kubernetes API does not answer`, {
    cause: err
  })
}
