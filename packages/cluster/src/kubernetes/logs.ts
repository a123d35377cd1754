import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { Failure, type RuntimeLogOptions, runtimeLineLimit } from '@slipway/domain'
import type { StampedLine } from '../log-order.ts'
import type { KubernetesApi } from './api.ts'
import { containerName } from './objects.ts'

/** What one pod printed, as the kubelet keeps it: both streams in one, which is told as `stdout`. */
export async function* podLogs(
  api: KubernetesApi,
  pod: { namespace: string; name: string },
  options: RuntimeLogOptions,
  signal: AbortSignal
): AsyncGenerator<StampedLine> {
  const over = new AbortController()
  const body = await openLog(api, pod, options, AbortSignal.any([signal, over.signal]))
  if (body === null) return
  // An end by the signal is no error: the reader has gone.
  body.on('error', () => undefined)
  const lines = createInterface({ input: body, crlfDelay: Number.POSITIVE_INFINITY })
  body.once('close', () => lines.close())
  try {
    for await (const line of lines) {
      const space = line.indexOf(' ')
      const stamp = line.slice(0, space)
      const at = Date.parse(stamp)
      // The API counts in seconds.
      if (options.since !== null && at < options.since) continue
      const text = line.slice(space + 1, space + 1 + runtimeLineLimit)
      yield { at, stamp, instance: pod.name, stream: 'stdout', text }
    }
  } finally {
    over.abort()
  }
}

/** The client's own call neither streams what it reads nor survives an abort. @returns null for a pod that is gone, or has not started */
async function openLog(
  { client, config }: KubernetesApi,
  pod: { namespace: string; name: string },
  { follow, since, tail }: RuntimeLogOptions,
  signal: AbortSignal
): Promise<Readable | null> {
  const url = new URL(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log`, config.getCurrentCluster()?.server)
  url.search = new URLSearchParams({
    container: containerName,
    follow: String(follow),
    timestamps: 'true',
    ...(tail === null ? {} : { tailLines: String(tail) }),
    ...(since === null ? {} : { sinceTime: new Date(since).toISOString() })
  }).toString()
  const request = new client.RequestContext(url.href, client.HttpMethod.GET)
  try {
    await config.applySecurityAuthentication(request)
    const dispatcher = request.getDispatcher()
    // 8 MiB that stay in every process that has it.
    const { fetch } = await import('undici')
    const answer = await fetch(url, {
      headers: request.getHeaders(),
      signal,
      ...(dispatcher === undefined ? {} : { dispatcher })
    })
    if (answer.ok && answer.body !== null) return Readable.fromWeb(answer.body)
    await answer.body?.cancel()
    if (answer.status === 400 || answer.status === 404) return null
    throw new Failure('unavailable', `could not read the log of ${pod.name}: the Kubernetes API says ${answer.status}`)
  } catch (err) {
    if (signal.aborted) return null
    if (err instanceof Failure) throw err
    throw new Failure('unavailable', `could not read the log of ${pod.name}: the Kubernetes API does not answer`, {
      cause: err
    })
  }
}
