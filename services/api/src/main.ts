import { assertRedisTakesUs, createSignals } from '@slipway/queue'
import {
  addSettingsFile,
  createClosers,
  createLogger,
  loadConfig,
  queueConfig,
  readInstallation,
  run,
  storeConfig,
  untilThere
} from '@slipway/service'
import { createStore } from '@slipway/store'
import { ApiConfig, startApi } from './service.ts'

const logger = createLogger('api')

await run(async (stop) => {
  addSettingsFile(process.env)
  const config = loadConfig(ApiConfig, process.env)
  logger.level = config.LOG_LEVEL
  await assertRedisTakesUs(queueConfig(config))
  const closers = createClosers(logger)
  const waiting = { config, at: { host: config.API_HOST, port: config.API_PORT, setting: 'API_PORT' }, logger, stop }
  const store = await untilThere('store', () => createStore(storeConfig(config)), waiting)
  closers.add('store', () => store.close())
  await untilThere('deployer', () => readInstallation(store), waiting)
  const signals = createSignals(queueConfig(config), (err) => logger.warn({ err }, 'Redis does not answer'))
  closers.add('signals', () => signals.close())
  const api = await startApi(config, { store, signals, logger })
  closers.add('api', () => api.close())
  if (api.claimUrl !== null) process.stdout.write(`the administrator opens, once: ${api.claimUrl}\n`)
  return { url: api.url, close: () => closers.close() }
}, logger)
