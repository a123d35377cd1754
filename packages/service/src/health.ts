import Type, { type Static } from 'typebox'
import type { Logger } from './logger.ts'
import type { Running } from './run.ts'
import { createServer, listenOn, type ServerOptions } from './server.ts'

/** For services that listen to nobody else: where they say how they are. */
export const healthSettings = {
  HEALTH_HOST: Type.String({ default: '127.0.0.1', description: 'Where a service that nobody calls says how it is.' }),
  HEALTH_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      description: 'For `/healthz`, `/readyz` and `/metrics` of it; unset: nowhere.'
    })
  )
}
const HealthSettings = Type.Object(healthSettings)

/** Where that is; null where no port is set. */
export function healthAddress({ HEALTH_HOST: host, HEALTH_PORT: port }: Static<typeof HealthSettings>) {
  return port === undefined ? null : { host, port, setting: 'HEALTH_PORT' }
}

/** A number that is asked for when somebody looks. */
export interface Figure {
  name: string
  help: string
  /** By the values of its label. */
  label: string
  read(): Promise<Record<string, number>>
}

/**
 * Serves `/healthz`, `/readyz` and `/metrics`: how the process is, and the figures given.
 *
 * @returns null where no port is set
 */
export async function startHealth(
  settings: Static<typeof HealthSettings>,
  { figures = [], ...server }: Pick<ServerOptions, 'needs'> & { figures?: Figure[]; logger: Logger }
): Promise<Running | null> {
  const address = healthAddress(settings)
  if (address === null) return null
  const app = createServer({ ...server, metrics: await registryOf(figures) })
  const url = await listenOn(app, address, address.setting)
  return { url, close: () => app.close() }
}

/** Loaded here only: most processes serve no metrics. */
async function registryOf(figures: Figure[]) {
  const { collectDefaultMetrics, Gauge, Registry } = await import('prom-client')
  const register = new Registry()
  collectDefaultMetrics({ register })
  for (const { name, help, label, read } of figures) {
    const gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [],
      async collect() {
        for (const [value, count] of Object.entries(await read())) this.set({ [label]: value }, count)
      }
    })
    register.registerMetric(gauge)
  }
  return register
}
