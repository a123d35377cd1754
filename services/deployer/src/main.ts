import { assertRedisTakesUs, createSignals } from '@slipway/queue'
import {
  addSettingsFile,
  createClosers,
  createLogger,
  healthAddress,
  loadConfig,
  queueConfig,
  run,
  storeConfig,
  untilThere
} from '@slipway/service'
import { createStore } from '@slipway/store'
import { DeployerConfig } from './config.ts'
import { startDeployer } from './service.ts'

const logger = createLogger('deployer')

await run(async (stop) => {
  addSettingsFile(process.env)
  const config = loadConfig(DeployerConfig, process.env)
  logger.level = config.LOG_LEVEL
  await assertRedisTakesUs(queueConfig(config))
  const closers = createClosers(logger)
  const waiting = { config, at: healthAddress(config), logger, stop }
  const store = await untilThere('store', () => createStore(storeConfig(config)), waiting)
  closers.add('store', () => store.close())
  const signals = createSignals(queueConfig(config), (err) => logger.warn({ err }, 'Redis does not answer'))
  closers.add('signals', () => signals.close())
  const deployer = await startDeployer(config, { store, signals, logger })
  closers.add('deployer', () => deployer.close())
  return { url: deployer.url, close: () => closers.close() }
}, logger)
