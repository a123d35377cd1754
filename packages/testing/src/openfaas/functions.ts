import { randomBytes } from 'node:crypto'
import { type FunctionRuntime, isListening, type PrintedLine, type RunningReplica } from './runtime.ts'
import type { FunctionDeployment, FunctionStatus } from './specification.ts'

/** A function of the gateway, and what runs of it. */
export interface KnownFunction {
  request: FunctionDeployment
  namespace: string
  wanted: number
  replicas: RunningReplica[]
  createdAt: number
  /** Removed: it is told until its last replica has ended. */
  isLeaving: boolean
}

export interface Functions {
  find(name: string, namespace: string): KnownFunction | undefined
  all(): KnownFunction[]
  deploy(request: FunctionDeployment, namespace: string, replicas: number): void
  scale(fn: KnownFunction, replicas: number): void
  remove(fn: KnownFunction): void
  statusOf(fn: KnownFunction): Promise<FunctionStatus>
  /** A replica that answers, another at each turn; null: there is none. */
  pick(fn: KnownFunction): Promise<RunningReplica | null>
  linesOf(fn: KnownFunction): Promise<(PrintedLine & { instance: string })[]>
  close(): Promise<void>
}

/** Everything is done in the background, as behind a real gateway: what it says is what it has seen. */
export function createFunctions(
  runtime: FunctionRuntime,
  secretsOf: (names: readonly string[], namespace: string) => Record<string, Uint8Array>
): Functions {
  const known = new Map<string, KnownFunction>()
  const work = new Map<KnownFunction, Promise<void>>()
  let turn = 0
  const keyOf = (name: string, namespace: string) => `${name}.${namespace}`

  function soon(fn: KnownFunction, what: () => Promise<void>): void {
    work.set(fn, (work.get(fn) ?? Promise.resolve()).then(what))
  }

  async function settle(fn: KnownFunction): Promise<void> {
    const { request, namespace } = fn
    while (fn.replicas.length > fn.wanted) await fn.replicas.pop()?.stop()
    while (fn.replicas.length < fn.wanted && !fn.isLeaving) {
      const replica = await runtime.start({
        instance: `${request.service}-${randomBytes(4).toString('hex')}`,
        image: request.image,
        environment: {
          ...request.envVars,
          ...(request.envProcess === undefined ? {} : { fprocess: request.envProcess })
        },
        secrets: secretsOf(request.secrets ?? [], namespace)
      })
      fn.replicas.push(replica)
    }
    if (fn.isLeaving && known.get(keyOf(request.service, namespace)) === fn) {
      known.delete(keyOf(request.service, namespace))
    }
  }

  async function available({ replicas }: KnownFunction): Promise<RunningReplica[]> {
    const answers = await Promise.all(replicas.map(async (one) => ({ one, isUp: await isListening(one.address) })))
    return answers.filter(({ isUp }) => isUp).map(({ one }) => one)
  }

  return {
    find: (name, namespace) => known.get(keyOf(name, namespace)),
    all: () => [...known.values()],
    deploy(request, namespace, replicas) {
      const former = known.get(keyOf(request.service, namespace))
      const createdAt = former?.createdAt ?? Date.now()
      const fn = { request, namespace, wanted: replicas, replicas: [], createdAt, isLeaving: false }
      known.set(keyOf(request.service, namespace), fn)
      soon(fn, async () => {
        if (former !== undefined) for (const replica of former.replicas.splice(0)) await replica.stop()
        await settle(fn)
      })
    },
    scale(fn, replicas) {
      fn.wanted = replicas
      soon(fn, () => settle(fn))
    },
    remove(fn) {
      fn.isLeaving = true
      fn.wanted = 0
      soon(fn, () => settle(fn))
    },
    async statusOf(fn) {
      const { service: name, envVars: _, ...request } = fn.request
      return {
        ...request,
        name,
        namespace: fn.namespace,
        invocationCount: 0,
        replicas: fn.wanted,
        availableReplicas: (await available(fn)).length,
        createdAt: `${new Date(fn.createdAt).toISOString().slice(0, -5)}Z`
      }
    },
    async pick(fn) {
      const up = await available(fn)
      turn += 1
      return up[turn % Math.max(1, up.length)] ?? null
    },
    async linesOf(fn) {
      const lines = await Promise.all(
        fn.replicas.map(async (one) => (await one.lines()).map((line) => ({ ...line, instance: one.instance })))
      )
      return lines.flat().toSorted((a, b) => a.at - b.at)
    },
    async close() {
      for (const fn of known.values()) this.remove(fn)
      await Promise.all(work.values())
    }
  }
}
