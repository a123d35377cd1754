import { type Cluster, Failure, type Finding } from '@slipway/domain'

export interface CheckPartsDeps {
  cluster: Pick<Cluster, 'kind' | 'list' | 'check'>
  registry: { ping(host: string, signal: AbortSignal): Promise<void> }
  /** As `REGISTRY` has it. */
  registryHost: string
}

const limitMs = 5000
const probeLimitMs = 30_000

/** Whether what only we reach answers. With `probe`, what holds in the cluster, as `slipway doctor` finds it out. */
export function createCheckParts({ cluster, registry, registryHost }: CheckPartsDeps) {
  async function clusterFindings(probe: boolean, signal: AbortSignal): Promise<Finding[]> {
    if (probe) return cluster.check(signal)
    const found = await cluster.list(signal)
    return [{ name: cluster.kind, isOk: true, detail: `it answers; deployments that run there: ${found.length}` }]
  }

  return async function checkParts(probe: boolean, signal: AbortSignal): Promise<Finding[]> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(probe ? probeLimitMs : limitMs)])
    const [registered, clustered] = await Promise.allSettled([
      registry.ping(registryHost, limit),
      clusterFindings(probe, limit)
    ])
    signal.throwIfAborted()
    return [
      registered.status === 'fulfilled'
        ? { name: 'registry', isOk: true, detail: `${registryHost} answers` }
        : { name: 'registry', isOk: false, detail: wordsOf(registered.reason) },
      ...(clustered.status === 'fulfilled'
        ? clustered.value
        : [{ name: cluster.kind, isOk: false, detail: wordsOf(clustered.reason) }])
    ]
  }
}

/** What was not foreseen may hold anything: the log has it. */
function wordsOf(err: unknown): string {
  return err instanceof Failure ? err.message : 'it did not answer in time'
}
