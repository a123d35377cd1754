import { createSignals } from '@slipway/queue/signals'
import { createClosers } from '@slipway/service/closers'
import { loadConfig } from '@slipway/service/config'
import { createLogger } from '@slipway/service/logger'
import { run } from '@slipway/service/run'
import { queueConfig, storeConfig } from '@slipway/service/settings'
import { createStore } from '@slipway/store'
import { createRouteSource } from './route-source.ts'
import { GatewayConfig, startGateway } from './service.ts'

const logger = createLogger('gateway', process.env.LOG_LEVEL ?? 'info')

// Modules are imported one by one: the packages' indexes would bring servers and queues that traffic does not need.
await run(async () => {
  const config = loadConfig(GatewayConfig, process.env)
  const closers = createClosers(logger)
  const signals = createSignals(queueConfig(config), (err) => logger.debug({ err }, 'Redis does not answer'))
  closers.add('signals', () => signals.close())
  const routes = createRouteSource(() => createStore(storeConfig(config)))
  closers.add('store', () => routes.close())
  const gateway = await startGateway(config, { routes, signals, logger })
  closers.add('gateway', () => gateway.close())
  return { url: gateway.url, close: () => closers.close() }
}, logger)
