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
import { ReceiverConfig, startReceiver } from './service.ts'

const logger = createLogger('receiver')

await run(async () => {
  addSettingsFile(process.env)
  const config = loadConfig(ReceiverConfig, process.env)
  logger.level = config.LOG_LEVEL
  const closers = createClosers(logger)
  const store = await createStore(storeConfig(config))
  closers.add('store', () => store.close())
  const signals = createSignals(queueConfig(config), (err) => logger.warn({ err }, 'Redis does not answer'))
  closers.add('signals', () => signals.close())
  const receiver = await startReceiver(config, { store, signals, logger })
  closers.add('receiver', () => receiver.close())
  return { url: receiver.url, close: () => closers.close() }
}, logger)
