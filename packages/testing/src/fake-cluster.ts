import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Cluster,
  type Deployment,
  type Endpoint,
  Failure,
  functionPort,
  type ImageReference,
  type RuntimeLogLine,
  type RuntimeLogOptions
} from '@slipway/domain'

export interface FakeClusterOptions {
  now: () => number
  /** What stands in for a machine that several installations share; a new one when not given. */
  machine?: FakeMachine
  /** Where a replica is said to answer; a made-up address when not given. */
  endpointOf?: (deployment: Deployment, replica: number) => Endpoint
}

/** What the fakes of several installations share. */
export interface FakeMachine {
  addresses: number
}

/** A cluster that is only memory. Functions behave as their environment says, in the words of `functionEnvironment`. */
export interface FakeCluster extends Cluster {
  /** The next call of the method throws this. Calls queue up. */
  failNext(method: FakeMethod, failure: Failure): void
  /** While it is away every call fails as with an engine that does not answer. */
  setAway(isAway: boolean): void
  /** An image that is not in the registry any more. */
  forgetImage(image: ImageReference): void
  /** The deployment's replicas stop, as by a crash or a reboot; `apply` starts them again. */
  stopReplicas(deploymentId: string): void
  /** A replica prints a line. */
  print(deploymentId: string, text: string, stream?: 'stdout' | 'stderr'): void
}

export type FakeMethod = 'apply' | 'remove' | 'list' | 'scale' | 'logs' | 'check'

interface FakeReplica {
  number: number
  endpoint: Endpoint
  isRunning: boolean
  createdAt: number
}

interface FakeDeployment {
  deployment: Deployment
  replicas: FakeReplica[]
  lines: RuntimeLogLine[]
  /** Ends an `apply` that still waits. */
  starting: AbortController | null
  isGone: boolean
}

export function createFakeCluster({ now, machine = { addresses: 0 }, endpointOf }: FakeClusterOptions): FakeCluster {
  const deployments = new Map<string, FakeDeployment>()
  const failures: { method: FakeMethod; failure: Failure }[] = []
  const missingImages = new Set<string>()
  let isAway = false

  function begin(method: FakeMethod, signal: AbortSignal): void {
    signal.throwIfAborted()
    if (isAway) throw new Failure('unavailable', `could not ${method}: the cluster does not answer`)
    const index = failures.findIndex((planned) => planned.method === method)
    const [planned] = index < 0 ? [] : failures.splice(index, 1)
    if (planned !== undefined) throw planned.failure
  }

  function newReplica(deployment: Deployment, number: number): FakeReplica {
    const count = ++machine.addresses
    const host = `10.201.${Math.floor(count / 250)}.${(count % 250) + 2}`
    const endpoint = endpointOf?.(deployment, number) ?? { host, port: functionPort }
    return { number, endpoint, isRunning: true, createdAt: now() }
  }

  function recordOf(deployment: Deployment): FakeDeployment {
    const known = deployments.get(deployment.id)
    if (known !== undefined) return known
    const made = { deployment, replicas: [], lines: [], starting: null, isGone: false }
    deployments.set(deployment.id, made)
    return made
  }

  function drop(record: FakeDeployment): void {
    record.isGone = true
    record.replicas = []
    deployments.delete(record.deployment.id)
  }

  function printTo(record: FakeDeployment, instance: string, stream: 'stdout' | 'stderr', text: string): void {
    record.lines.push({ at: now(), instance, stream, text })
  }

  async function bring(deployment: Deployment, count: number, signal: AbortSignal): Promise<Endpoint[]> {
    assertPossible(deployment, missingImages)
    const record = recordOf(deployment)
    const starting = new AbortController()
    record.starting = starting
    const { environment } = deployment.spec
    for (let number = 1; number <= count; number++) {
      const known = record.replicas.find((replica) => replica.number === number)
      if (known?.isRunning === true) continue
      if (known === undefined) record.replicas.push(newReplica(deployment, number))
      else known.isRunning = true
      for (const [name, stream] of [['PRINT', 'stdout'] as const, ['PRINT_ERROR', 'stderr'] as const]) {
        const lines = (environment[name] ?? '').split('\n').filter((text) => text !== '')
        for (const text of lines) printTo(record, instanceOf(record, number), stream, text)
      }
    }
    const reason = await startupReason(record, AbortSignal.any([signal, starting.signal]))
    if (reason !== null) {
      drop(record)
      throw new Failure('not-ready', `${deployment.clusterName} did not become ready: ${reason}`)
    }
    record.replicas = record.replicas.filter(({ number }) => number <= count)
    if (count === 0) deployments.delete(deployment.id)
    return record.replicas.map(({ endpoint }) => endpoint)
  }

  return {
    kind: 'docker',
    capabilities: { switch: 'atomic', watch: 'poll' },
    async apply(deployment, signal) {
      begin('apply', signal)
      return await bring(deployment, deployment.replicas, signal)
    },
    async scale(deployment, count, signal) {
      begin('scale', signal)
      return await bring(deployment, count, signal)
    },
    async remove(deploymentId, _graceMs, signal) {
      await Promise.resolve()
      begin('remove', signal)
      const record = deployments.get(deploymentId)
      record?.starting?.abort(new Failure('cancelled', 'the deployment was removed while it started'))
      if (record !== undefined) drop(record)
    },
    async list(signal) {
      await Promise.resolve()
      begin('list', signal)
      return [...deployments.values()].map(({ deployment, replicas }) => {
        const running = replicas.filter(({ isRunning }) => isRunning)
        return {
          deploymentId: deployment.id,
          clusterName: deployment.clusterName,
          ownerSlug: deployment.ownerSlug,
          replicas: replicas.length,
          availableReplicas: running.length,
          createdAt: Math.max(0, ...replicas.map(({ createdAt }) => createdAt)),
          endpoints: running.map(({ endpoint }) => endpoint)
        }
      })
    },
    async *logs(deploymentId, options, signal) {
      begin('logs', signal)
      const record = deployments.get(deploymentId)
      if (record !== undefined) yield* linesOf(record, options, signal)
    },
    async check(signal) {
      await Promise.resolve()
      begin('check', signal)
      return [{ name: 'engine', isOk: true, detail: 'a fake' }]
    },
    close: () => Promise.resolve(),
    failNext: (method, failure) => {
      failures.push({ method, failure })
    },
    setAway: (value) => {
      isAway = value
    },
    forgetImage: ({ digest }) => {
      missingImages.add(digest)
    },
    stopReplicas: (deploymentId) => {
      for (const replica of deployments.get(deploymentId)?.replicas ?? []) replica.isRunning = false
    },
    print: (deploymentId, text, stream = 'stdout') => {
      const record = deployments.get(deploymentId)
      if (record !== undefined) printTo(record, instanceOf(record, 1), stream, text)
    }
  }
}

function instanceOf({ deployment }: FakeDeployment, number: number): string {
  return `${deployment.clusterName}-${number}`
}

function assertPossible({ spec, image }: Deployment, missingImages: ReadonlySet<string>): void {
  const constraint = spec.constraints.find((text) => text.replaceAll(' ', '') !== 'node.platform.os==linux')
  if (constraint !== undefined) throw new Failure('unsupported', `the constraint "${constraint}" does not hold here`)
  if (missingImages.has(image.digest)) throw new Failure('image-missing', `there is no image ${image.digest}`)
}

/** null when it becomes ready, after the time that its environment asks for. */
async function startupReason({ deployment }: FakeDeployment, signal: AbortSignal): Promise<string | null> {
  const { environment, readiness } = deployment.spec
  const { EXIT_CODE, PRINT = '', PRINT_ERROR = '', READY_STATUS = '200', READY_PATH = '/_/ready' } = environment
  if (EXIT_CODE !== undefined) return `it exited with code ${EXIT_CODE}\n${PRINT}\n${PRINT_ERROR}`
  await sleep(Number(environment.READY_AFTER_MS ?? 0), undefined, { signal }).catch((err: unknown) => {
    throw signal.aborted ? signal.reason : err
  })
  const status = readiness.path === READY_PATH ? READY_STATUS : '404'
  return status.startsWith('2') ? null : `GET ${readiness.path} answered ${status}`
}

async function* linesOf(
  record: FakeDeployment,
  { since, tail, follow }: RuntimeLogOptions,
  signal: AbortSignal
): AsyncGenerator<RuntimeLogLine> {
  const instances = new Set(record.lines.map(({ instance }) => instance))
  const kept = new Set(
    [...instances].flatMap((name) =>
      record.lines
        .filter(({ instance, at }) => instance === name && at >= (since ?? 0))
        .slice(tail === null ? 0 : -tail)
    )
  )
  let next = record.lines.length
  yield* record.lines.filter((line) => kept.has(line))
  while (follow && !record.isGone && !signal.aborted) {
    yield* record.lines.slice(next)
    next = record.lines.length
    await sleep(5)
  }
}
