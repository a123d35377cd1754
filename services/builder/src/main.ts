import { assertRedisTakesUs, createSignals } from '@slipway/queue'
import {
  addSettingsFile,
  createClosers,
  createLogger,
  healthAddress,
  loadConfig,
  queueConfig,
  readInstallation,
  run,
  storeConfig,
  untilThere
} from '@slipway/service'
import { createStore } from '@slipway/store'
import { BuilderConfig, startBuilder } from './service.ts'

const logger = createLogger('builder')

await run(async (stop) => {
  addSettingsFile(process.env)
  const config = loadConfig(BuilderConfig, process.env)
  logger.level = config.LOG_LEVEL
  await assertRedisTakesUs(queueConfig(config))
  const closers = createClosers(logger)
  const waiting = { config, at: healthAddress(config), logger, stop }
  const store = await untilThere('store', () => createStore(storeConfig(config)), waiting)
  closers.add('store', () => store.close())
  await untilThere('deployer', () => readInstallation(store), waiting)
  const signals = createSignals(queueConfig(config), (err) => logger.warn({ err }, 'Redis does not answer'))
  closers.add('signals', () => signals.close())
  const builder = await startBuilder(config, { store, signals, logger, env: process.env })
  closers.add('builder', () => builder.close())
  return { url: builder.url, close: () => closers.close() }
}, logger)
