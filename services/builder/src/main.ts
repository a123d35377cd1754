import { createSignals } from '@slipway/queue'
import {
  addSettingsFile,
  createClosers,
  createLogger,
  loadConfig,
  queueConfig,
  run,
  storeConfig
} from '@slipway/service'
import { createStore } from '@slipway/store'
import { BuilderConfig, startBuilder } from './service.ts'

const logger = createLogger('builder')

await run(async () => {
  addSettingsFile(process.env)
  const config = loadConfig(BuilderConfig, process.env)
  logger.level = config.LOG_LEVEL
  const closers = createClosers(logger)
  const store = await createStore(storeConfig(config))
  closers.add('store', () => store.close())
  const signals = createSignals(queueConfig(config), (err) => logger.warn({ err }, 'Redis does not answer'))
  closers.add('signals', () => signals.close())
  const builder = await startBuilder(config, { store, signals, logger, env: process.env })
  closers.add('builder', () => builder.close())
  return { url: builder.url, close: () => closers.close() }
}, logger)
