import { join } from 'node:path'
import { createSignals } from '@slipway/queue/signals'
import { createTrafficSender } from '@slipway/queue/traffic'
import { createClosers } from '@slipway/service/closers'
import { createLogger } from '@slipway/service/logger'
import { run } from '@slipway/service/run'
import { addSettingsFile } from '@slipway/service/settings-file'
import { openRoutes } from '@slipway/store/routes'
import { readConfig } from './config.ts'
import { createRouteSource } from './route-source.ts'
import { startGateway } from './service.ts'

async function main() {
  const logger = createLogger('gateway', process.env.LOG_LEVEL || 'info')
  await run(async () => {
    addSettingsFile(process.env)
    const config = readConfig(process.env)
    logger.level = config.LOG_LEVEL
    const closers = createClosers(logger)
    const queue = { redisUrl: config.REDIS_URL, prefix: config.QUEUE_PREFIX }
    const onRedisError = (err: Error) => logger.debug({ err }, 'Redis does not answer')
    const signals = createSignals(queue, onRedisError)
    closers.add('signals', () => signals.close())
    const traffic = createTrafficSender(queue, onRedisError)
    closers.add('traffic', () => traffic.close())
    const file = join(config.SLIPWAY_HOME, 'store.sqlite')
    const routes = createRouteSource(() => openRoutes({ url: config.DATABASE_URL, file }))
    closers.add('store', () => routes.close())
    const gateway = await startGateway(config, { routes, signals, traffic, logger })
    closers.add('gateway', () => gateway.close())
    return { url: gateway.url, close: () => closers.close() }
  }, logger)
}

// `slipway up` loads it without starting it, too.
if (import.meta.main) await main()
