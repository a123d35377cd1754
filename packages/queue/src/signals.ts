import { connect, failFast, patient, type QueueConfig } from './connection.ts'

/**
 * What services tell each other at once. Every signal is a hint: it may be lost, and whoever listens also looks by itself.
 * Shapes are plain words, not schemas: the gateway's process listens too, and a schema library would be a quarter of it.
 */
export const signals = {
  /** Something may be admitted, or a stage of a build may be due. */
  builds: {},
  /** A build was asked to be cancelled. */
  cancel: { buildId: 'string' },
  /** A build or its functions changed: it may have to be told to its forge and to who watches. */
  changed: { buildId: 'string' },
  /** A function was paused, resumed, scaled or removed by somebody. */
  function: { ownerId: 'string', name: 'string' },
  /** A build's log grew. */
  log: { buildId: 'string' },
  /** Live deployments changed. */
  routes: {},
  /** An event other than a push was recorded. */
  events: {},
  /** Credentials of forges in the store changed. */
  forges: {},
  /** A notification waits to be told. */
  notify: {},
  /** Builders are to clean up on their machines. */
  clean: { runId: 'string' },
  /** A builder begins to (`report` is empty), or is done (`report` is a CleanUpReport in JSON). */
  cleaned: { runId: 'string', builder: 'string', report: 'string' },
  /** A gateway is there: said now and then, for it writes nothing into the store itself. */
  serving: { gatewayId: 'string', host: 'string', version: 'string', startedAt: 'integer' },
  /** It stops in order. */
  left: { gatewayId: 'string' },
  /** What a gateway serves now, every 500 ms. `inFlight`: deployment id to requests. */
  gateway: { gatewayId: 'string', routesVersion: 'integer', inFlight: 'integers by name' },
  /**
   * How much a gateway has to do, every 500 ms, and at once when a call comes for a function without a replica. By deployment id;
   * `calls`: that have begun since the gateway did, of those that lately had any; `waiting`: that are held until there is a replica.
   */
  load: { gatewayId: 'string', calls: 'integers by name', waiting: 'integers by name' },
  /** A function that calls wait for could not be started. */
  unstartable: { deploymentId: 'string' }
} as const satisfies Record<string, Record<string, keyof FieldTypes>>

interface FieldTypes {
  string: string
  integer: number
  'integers by name': Record<string, number>
}

export type SignalName = keyof typeof signals
export type SignalPayload<N extends SignalName> = {
  -readonly [F in keyof (typeof signals)[N]]: FieldTypes[(typeof signals)[N][F] & keyof FieldTypes]
}

const isOf: { [K in keyof FieldTypes]: (value: unknown) => value is FieldTypes[K] } = {
  string: (value) => typeof value === 'string',
  integer: (value): value is number => Number.isSafeInteger(value),
  'integers by name': (value): value is Record<string, number> =>
    isObject(value) && Object.values(value).every((one) => Number.isSafeInteger(one))
}

function isPayload<N extends SignalName>(name: N, value: unknown): value is SignalPayload<N> {
  const fields: [string, keyof FieldTypes][] = Object.entries(signals[name])
  return isObject(value) && fields.every(([field, kind]) => isOf[kind](value[field]))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export interface Signals {
  /** Tells. Never throws and never waits long: a signal that is lost is made up for by looking. */
  send<N extends SignalName>(name: N, payload: SignalPayload<N>): void
  /** Listens; returns how to stop. */
  listen<N extends SignalName>(name: N, listener: (payload: SignalPayload<N>) => void): () => void
  /** @throws when Redis is away. */
  ping(): Promise<void>
  close(): Promise<void>
}

export function createSignals(config: QueueConfig, onError: (err: Error) => void): Signals {
  const publisher = connect(config, failFast, onError)
  const subscriber = connect(config, patient, onError)
  const listeners = new Map<SignalName, Set<(payload: never) => void>>()
  const channelOf = (name: SignalName) => `${config.prefix}:signal:${name}`

  subscriber.on('message', (channel: string, text: string) => {
    const name = channel.slice(channelOf('' as SignalName).length) as SignalName
    const payload: unknown = parse(text)
    if (!Object.hasOwn(signals, name) || !isPayload(name, payload)) return
    for (const listener of listeners.get(name) ?? []) {
      try {
        listener(payload as never)
      } catch (err) {
        // A hint that one cannot use, of another version maybe, is lost to that one, and ends nothing.
        onError(new Error(`the signal "${name}" could not be dealt with`, { cause: err }))
      }
    }
  })

  return {
    send(name, payload) {
      if (publisher.status !== 'ready') return
      publisher.publish(channelOf(name), JSON.stringify(payload)).catch(onError)
    },
    listen(name, listener) {
      let known = listeners.get(name)
      if (known === undefined) {
        known = new Set()
        listeners.set(name, known)
        // ioredis subscribes again after each reconnection.
        subscriber.subscribe(channelOf(name)).catch(onError)
      }
      known.add(listener)
      return () => {
        known.delete(listener)
      }
    },
    async ping() {
      if (publisher.status !== 'ready') throw new Error(`the connection to Redis is ${publisher.status}`)
      await publisher.ping()
    },
    async close() {
      publisher.disconnect()
      subscriber.disconnect()
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // somebody else's message: it has no shape of ours
  }
}
