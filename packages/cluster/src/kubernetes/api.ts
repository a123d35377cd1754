import type {
  KubeConfig,
  KubernetesListObject,
  KubernetesObject,
  ObservableMiddleware,
  RequestContext,
  V1Status
} from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import { pause } from '../pause.ts'

/** 50 MB that only this cluster needs. */
export const loadClient = () => import('@kubernetes/client-node')
type Client = Awaited<ReturnType<typeof loadClient>>

const callMs = 10_000
/** For an API server that is started again or says that it has too much to do. */
const tries = 6
/** Who is told to wait longer gives its caller back what it was asked for. */
const longestWaitMs = 10_000
/** Certificates and keys in files are replaced now and then. */
const sharedMs = 60_000

/** What a call is made with: `options` carry the signal. */
export type CallSettings = NonNullable<Parameters<InstanceType<Client['CoreV1Api']>['listNamespace']>[1]>

/** Which part of a list is asked for. */
export interface Page {
  limit?: number
  _continue?: string
}

/** The API server behind one door: every call has a limit and is repeated where that may help; every error is a Failure. */
export interface KubernetesApi {
  config: KubeConfig
  client: Client
  /**
   * @param what is done, for the message: `list pods`.
   * @param conflicts `again`: for what somebody else changed in the same moment, and may be done over.
   * @throws Failure `unavailable`, also where we may not do it: that is no owner's fault; the signal's reason when the caller gave up.
   *   `not-found`, `conflict`, `forbidden` (what is asked for, whoever asks), `limit-exceeded` (a quota) and `unsupported` as the API
   *   server says.
   */
  call<T>(
    what: string,
    signal: AbortSignal,
    run: (settings: CallSettings) => Promise<T>,
    conflicts?: 'told' | 'again'
  ): Promise<T>
}

/**
 * @param kubeconfig a file; null: the service account of the pod that this runs in.
 * @throws Failure `invalid-configuration`
 */
export async function connectKubernetes(kubeconfig: string | null): Promise<KubernetesApi> {
  const client = await loadClient()
  const config = new client.KubeConfig()
  try {
    if (kubeconfig === null) config.loadFromCluster()
    else config.loadFromFile(kubeconfig)
  } catch (err) {
    const said = err instanceof Error ? err.message : String(err)
    throw new Failure('invalid-configuration', `the Kubernetes configuration cannot be read: ${said}`, { cause: err })
  }

  const shared = createShared()

  const call: KubernetesApi['call'] = async (what, signal, run, conflicts = 'told') => {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      const limit = AbortSignal.timeout(callMs)
      try {
        return await run(settingsOf(client, AbortSignal.any([signal, limit]), shared))
      } catch (err) {
        if (signal.aborted) throw signal.reason
        const failure = translate(client, what, limit.aborted ? new Error(`no answer within ${callMs / 1000} s`) : err)
        const isWorthIt = failure.retry || (conflicts === 'again' && failure.code === 'conflict')
        const waitMs = failure.retryAfterMs ?? 100 * 2 ** attempt
        if (!isWorthIt || attempt === tries || isRefused(err) || waitMs > longestWaitMs) throw failure
        await pause(waitMs, signal)
      }
    }
  }

  return { config, client, call }
}

/** Of thousands of objects each answer holds so many: what one call brings has its time and its memory. */
const pageSize = 500

/**
 * @returns with the version of the cluster that they are of.
 * @throws Failure as `call` does
 */
export async function listAll<T extends KubernetesObject>(
  api: KubernetesApi,
  what: string,
  signal: AbortSignal,
  list: (page: Page, settings: CallSettings) => Promise<KubernetesListObject<T>>
): Promise<{ items: T[]; version: string }> {
  const items: T[] = []
  for (let page: Page = { limit: pageSize }; ; ) {
    const asked = page
    const part = await api
      .call(what, signal, (settings) => list(asked, settings))
      .catch((err: unknown) => {
        // What the first pages were of is too old for the others.
        if (asked._continue !== undefined && err instanceof Failure && isGone(err.cause)) return null
        throw err
      })
    if (part === null) {
      items.length = 0
      page = {}
      continue
    }
    for (const item of part.items) items.push(item)
    const { _continue, resourceVersion = '' } = part.metadata ?? {}
    if (_continue === undefined || _continue === '') return { items, version: resourceVersion }
    page = { limit: pageSize, _continue }
  }
}

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>

/** The client makes a pool of connections for each call, of which only that call has one: a handshake for everything that is said. */
function createShared() {
  let kept: { dispatcher: Dispatcher; since: number } | null = null
  return (own: Dispatcher): Dispatcher => {
    const now = performance.now()
    if (kept === null || now - kept.since > sharedMs) kept = { dispatcher: own, since: now }
    return kept.dispatcher
  }
}

/** The generated client knows signals only in its innermost request. */
function settingsOf(client: Client, signal: AbortSignal, shared: (own: Dispatcher) => Dispatcher): CallSettings {
  const middleware: ObservableMiddleware = {
    pre: (context) => {
      context.setSignal(signal)
      const own = context.getDispatcher()
      if (own !== undefined) context.setDispatcher(shared(own))
      return new client.Observable(Promise.resolve(context))
    },
    post: (context) => new client.Observable(Promise.resolve(context))
  }
  return { middleware: [middleware], middlewareMergeStrategy: 'append' }
}

/** Nobody listens there: the caller asks again when it wants to. */
function isRefused(err: unknown): boolean {
  const cause = err instanceof Error ? err.cause : null
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED'
}

export function translate(client: Client, what: string, err: unknown): Failure {
  if (err instanceof Failure) return err
  if (!(err instanceof client.ApiException)) {
    const cause = err instanceof Error && err.cause instanceof Error ? err.cause : err
    const said = cause instanceof Error ? cause.message : String(cause)
    return new Failure('unavailable', `could not ${what}: the Kubernetes API does not answer (${said})`, { cause: err })
  }
  const { message, reason } = statusOf(err.body)
  const words = `could not ${what}: the Kubernetes API says ${err.code}${message === '' ? '' : `, ${message}`}`
  const retryAfter = Number(err.headers['retry-after'])
  const options = { cause: err, ...(retryAfter > 0 ? { retryAfterMs: retryAfter * 1000 } : {}) }
  if (err.code === 404) return new Failure('not-found', words, options)
  if (err.code === 409 || isGone(err)) return new Failure('conflict', words, options)
  if (err.code === 403 && /exceeded quota/.test(message)) return new Failure('limit-exceeded', words, options)
  if (err.code === 403 && !isPassing(message)) return new Failure('forbidden', words, options)
  if (err.code === 400 || err.code === 422 || reason === 'Invalid') return new Failure('unsupported', words, options)
  return new Failure('unavailable', words, options)
}

/** What was gone on from is not known any more. */
function isGone(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 410
}

/**
 * Of what is forbidden: who asks may not, as also an API server says that has just begun and does not know all rights yet, or the
 * namespace is about to be gone.
 */
function isPassing(message: string): boolean {
  return /is forbidden: User ".*" cannot |because it is being terminated/.test(message)
}

function statusOf(body: unknown): { message: string; reason: string } {
  let status: unknown = body
  if (typeof body === 'string') {
    try {
      status = JSON.parse(body)
    } catch {
      return { message: body.slice(0, 300), reason: '' } // not the API server's own words: a proxy's, perhaps
    }
  }
  const { message = '', reason = '' } = (typeof status === 'object' && status !== null ? status : {}) as V1Status
  return { message, reason }
}
