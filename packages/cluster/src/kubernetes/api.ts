import type { KubeConfig, ObservableMiddleware, V1Status } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import { pause } from '../pause.ts'

/** 50 MB that only this cluster needs. */
export const loadClient = () => import('@kubernetes/client-node')
type Client = Awaited<ReturnType<typeof loadClient>>

const callMs = 10_000
/** For an API server that is started again or says that it has too much to do. */
const tries = 6

/** What a call is made with: `options` carry the signal. */
export type CallSettings = NonNullable<Parameters<InstanceType<Client['CoreV1Api']>['listNamespace']>[1]>

/** The API server behind one door: every call has a limit and is repeated where that may help; every error is a Failure. */
export interface KubernetesApi {
  config: KubeConfig
  client: Client
  /**
   * @param what is done, for the message: `list pods`.
   * @throws Failure `unavailable`; the signal's reason when the caller gave up. `not-found`, `conflict`, `forbidden`,
   *   `limit-exceeded` (a quota) and `invalid-request` as the API server says.
   */
  call<T>(what: string, signal: AbortSignal, run: (settings: CallSettings) => Promise<T>): Promise<T>
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

  async function call<T>(what: string, signal: AbortSignal, run: (settings: CallSettings) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      const limit = AbortSignal.timeout(callMs)
      try {
        return await run(withSignal(client, AbortSignal.any([signal, limit])))
      } catch (err) {
        if (signal.aborted) throw signal.reason
        const failure = translate(client, what, limit.aborted ? new Error(`no answer within ${callMs / 1000} s`) : err)
        if (!failure.retry || attempt === tries || isRefused(err)) throw failure
        await pause(failure.retryAfterMs ?? 100 * 2 ** attempt, signal)
      }
    }
  }

  return { config, client, call }
}

/** The generated client knows signals only in its innermost request. */
function withSignal(client: Client, signal: AbortSignal): CallSettings {
  const middleware: ObservableMiddleware = {
    pre: (context) => {
      context.setSignal(signal)
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
  if (err.code === 409) return new Failure('conflict', words, options)
  if (err.code === 403 && /exceeded quota/.test(message)) return new Failure('limit-exceeded', words, options)
  if (err.code === 401 || err.code === 403) return new Failure('forbidden', words, options)
  if (err.code === 400 || err.code === 422 || reason === 'Invalid') return new Failure('unsupported', words, options)
  return new Failure('unavailable', words, options)
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
