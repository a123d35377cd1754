import { join } from 'node:path'
import { Failure } from '@slipway/domain/failure'
import { createAsyncBacklog } from '@slipway/queue/async-backlog'
import { assertRedisTakesUs } from '@slipway/queue/refusal'
import { createSignals } from '@slipway/queue/signals'
import { createTrafficSender } from '@slipway/queue/traffic'
import { createClosers } from '@slipway/service/closers'
import { createLogger } from '@slipway/service/logger'
import { run } from '@slipway/service/run'
import { addSettingsFile } from '@slipway/service/settings-file'
import { openRoutes } from '@slipway/store/routes'
import { type GatewayConfig, readConfig } from './config.ts'
import { createRouteSource } from './route-source.ts'
import { startGateway } from './service.ts'
import type { Traces } from './traces.ts'

async function main() {
  const logger = createLogger('gateway')
  await run(async () => {
    addSettingsFile(process.env)
    const config = readConfig(process.env)
    logger.level = config.LOG_LEVEL
    const closers = createClosers(logger)
    const queue = { redisUrl: config.REDIS_URL, prefix: config.QUEUE_PREFIX }
    await assertRedisTakesUs(queue)
    const onRedisError = (err: Error) => logger.debug({ err }, 'Redis does not answer')
    const signals = createSignals(queue, onRedisError)
    closers.add('signals', () => signals.close())
    const traffic = createTrafficSender(queue, onRedisError)
    closers.add('traffic', () => traffic.close())
    const file = join(config.SLIPWAY_HOME, 'store.sqlite')
    const routes = createRouteSource(() => openRoutes({ url: config.DATABASE_URL, file }))
    closers.add('store', () => routes.close())
    // One that is refused ends; one whose database is not there yet listens, and serves when it is.
    await routes.installation().catch((err: unknown) => {
      if (!(err instanceof Failure) || err.code !== 'unavailable') throw err
    })
    const backlog = createAsyncBacklog(queue, onRedisError)
    closers.add('backlog', async () => backlog.close())
    const open = async () => {
      // Loaded by the first call that is left: it is larger than all else here.
      const { openAsyncCalls } = await import('@slipway/queue/async-calls')
      const limits = { concurrency: config.ASYNC_CONCURRENCY, waitingLimit: config.ASYNC_WAITING_LIMIT }
      return openAsyncCalls(queue, { ...limits, onError: onRedisError })
    }
    const traces = await tracesOf(config)
    closers.add('traces', async () => traces?.close())
    const asyncCalls = { backlog, open }
    const gateway = await startGateway(config, { routes, signals, asyncCalls, traffic, traces, logger })
    closers.add('gateway', () => gateway.close())
    return { url: gateway.url, close: () => closers.close() }
  }, logger)
}

async function tracesOf(config: GatewayConfig): Promise<Traces | null> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } = config
  if (endpoint === null) return null
  const { createOtlpTraces } = await import('./traces-otlp.ts')
  return createOtlpTraces({ endpoint, headers, ratio: config.TRACES_RATIO })
}

// `slipway up` loads it without starting it, too.
if (import.meta.main) await main()
