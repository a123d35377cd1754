import type {
  CleanUpReport,
  ClusterObject,
  Endpoint,
  Finding,
  GitCredential,
  NotificationTopic,
  RuntimeLogLine,
  RuntimeLogOptions,
  Sink,
  SinkKind,
  SourceLocation
} from '@slipway/domain'
import { Failure, type FailureCode, failures } from '@slipway/domain'
import { createInternalForges, type InternalForges } from './internal-forges.ts'
import { fillPath } from './internal-path.ts'
import { createInternalSecrets, type InternalSecrets } from './internal-secrets.ts'

/**
 * Where `deployer` serves its internal API: a Unix socket's path, or an address. `ca` is who signs for an https address, in PEM;
 * null: whom this machine trusts.
 */
export type InternalAddress = { socketPath: string } | { url: string; ca?: string | null }

/** What the other services ask of `deployer`, which alone holds cluster rights and forge credentials. */
export interface InternalApi extends InternalSecrets, InternalForges {
  /**
   * Where a repository is cloned from, and a credential that reads it and nothing else.
   *
   * @throws Failure `not-found` for an unknown or disconnected repository; what the forge's failures are.
   */
  credential(repositoryId: string, signal: AbortSignal): Promise<{ cloneUrl: string; credential: GitCredential | null }>
  /** What runs in the cluster, as the cluster says. */
  list(signal: AbortSignal): Promise<ClusterObject[]>
  /**
   * Whether what only `deployer` reaches answers: the registry and the cluster.
   *
   * @param probe finds out as `slipway doctor` does what holds there, too, which takes seconds
   */
  checkParts(probe: boolean, signal: AbortSignal): Promise<Finding[]>
  /**
   * Sets a live deployment's replicas and waits until they are ready. `alert`: what somebody chose goes over it. `nobody`: it goes by
   * load and idleness again, and `replicas` is where it begins.
   *
   * @throws Failure `not-found`, `not-ready`, `limit-exceeded`, `conflict` when it is not live, or an alert finds that somebody chose
   */
  scale(
    deploymentId: string,
    wanted: { replicas: number; by: 'hand' | 'alert' | 'nobody' },
    signal: AbortSignal
  ): Promise<Endpoint[]>
  /** Does the registry still have `host/path@sha256:…`? @throws Failure `unavailable` when it does not say */
  hasImage(pinned: string, signal: AbortSignal): Promise<boolean>
  /** Takes a function out of service: its name stays its repository's. @throws Failure `not-found` */
  remove(ownerId: string, functionName: string, signal: AbortSignal): Promise<void>
  /**
   * Takes away now what is not kept, in the store and the registry, and has the builders do so on their machines.
   *
   * @throws Failure `conflict` while a backup or another clean-up is under way
   */
  cleanUp(options: { builders: boolean }, signal: AbortSignal): Promise<CleanUpReport>
  /**
   * Tells another address. `secret` is what requests to it are signed with; null where they are not.
   *
   * @throws Failure `invalid-request` for an address that nothing is sent to, `limit-exceeded`
   */
  addSink(
    wanted: { ownerId: string | null; kind: SinkKind; url: string; topics: NotificationTopic[]; by: string },
    signal: AbortSignal
  ): Promise<{ sink: Sink; secret: string | null }>
  /** What a deployment's replicas print. */
  logs(deploymentId: string, options: RuntimeLogOptions, signal: AbortSignal): AsyncIterable<RuntimeLogLine>
}

/** The routes, once, for both sides. `:id` is an id, url-encoded. */
export const internalPaths = {
  credential: '/internal/repositories/:id/credential',
  image: '/internal/images',
  list: '/internal/deployments',
  parts: '/internal/parts',
  scale: '/internal/deployments/:id/scale',
  logs: '/internal/deployments/:id/logs',
  cleanUp: '/internal/clean-up',
  sinks: '/internal/notification-sinks',
  remove: '/internal/owners/:id/functions/:name'
} as const

/** @param token shared by the services of one installation; never leaves the machine's services. */
export function createInternalClient(address: InternalAddress, token: string): InternalApi {
  function open(method: string, path: string, body: unknown, signal: AbortSignal) {
    return new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const { request, ...target } = targetOf(address)
      const text = body === undefined ? undefined : JSON.stringify(body)
      const headers = {
        authorization: `Bearer ${token}`,
        ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      }
      const req = request({ ...target, method, path, headers, signal }, resolve)
      req.on('error', (err) => {
        reject(
          signal.aborted
            ? err
            : new Failure('unavailable', 'the deployer does not answer; it is tried again', { cause: err })
        )
      })
      req.end(text)
    })
  }

  async function call<T>(method: string, path: string, body: unknown, signal: AbortSignal): Promise<T> {
    const response = await open(method, path, body, signal)
    const text = await readAll(response).catch((err: unknown) => {
      if (signal.aborted) throw err
      throw new Failure('unavailable', "the deployer's answer broke off; it is tried again", { cause: err })
    })
    if (response.statusCode !== 200) throw failureOf(response.statusCode ?? 0, text)
    return JSON.parse(text) as T
  }

  return {
    ...createInternalSecrets(call),
    ...createInternalForges(call),
    credential: (id, signal) => call('POST', fillPath(internalPaths.credential, { id }), undefined, signal),
    checkParts: (probe, signal) => call('GET', `${internalPaths.parts}?probe=${probe}`, undefined, signal),
    list: (signal) => call('GET', internalPaths.list, undefined, signal),
    scale: (id, wanted, signal) => call('POST', fillPath(internalPaths.scale, { id }), wanted, signal),
    hasImage: async (pinned, signal) => {
      const path = `${internalPaths.image}?${new URLSearchParams({ pinned }).toString()}`
      return (await call<{ isThere: boolean }>('GET', path, undefined, signal)).isThere
    },
    remove: async (id, name, signal) => {
      await call('DELETE', fillPath(internalPaths.remove, { id, name }), undefined, signal)
    },
    addSink: ({ ownerId, ...wanted }, signal) =>
      call('POST', internalPaths.sinks, ownerId === null ? wanted : { ownerId, ...wanted }, signal),
    cleanUp: (options, signal) => call('POST', internalPaths.cleanUp, options, signal),
    async *logs(id, { follow, since, tail }, signal) {
      const query = new URLSearchParams({ follow: String(follow) })
      if (since !== null) query.set('since', String(since))
      if (tail !== null) query.set('tail', String(tail))
      const response = await open(
        'GET',
        `${fillPath(internalPaths.logs, { id })}?${query.toString()}`,
        undefined,
        signal
      )
      if (response.statusCode !== 200) throw failureOf(response.statusCode ?? 0, await readAll(response))
      for await (const line of linesOf(response)) yield JSON.parse(line) as RuntimeLogLine
    }
  }
}

function targetOf(address: InternalAddress) {
  const http = process.getBuiltinModule('node:http')
  if ('socketPath' in address) return { request: http.request, socketPath: address.socketPath, host: 'deployer' }
  const { protocol, hostname: host, port } = new URL(address.url)
  if (protocol === 'http:') return { request: http.request, host, port: port || '80' }
  const { request } = process.getBuiltinModule('node:https')
  return { request, host, port: port || '443', ...(address.ca ? { ca: address.ca } : {}) }
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of stream) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
  }
  if (rest !== '') yield rest
}

/** The failure that the other side named, as it was thrown there. */
function failureOf(status: number, text: string): Failure {
  let told: { code?: string; message?: string; location?: SourceLocation } = {}
  try {
    told = JSON.parse(text) as typeof told
  } catch {
    told = { message: `the deployer answered ${status}` }
  }
  const code = told.code !== undefined && told.code in failures ? (told.code as FailureCode) : 'unavailable'
  const { message = `the deployer answered ${status}`, location } = told
  return new Failure(code, message, location === undefined ? {} : { location })
}
