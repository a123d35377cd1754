import { assertRedisTakesUs, createSignals } from '@slipway/queue'
import {
  addSettingsFile,
  createClosers,
  createLogger,
  loadConfig,
  queueConfig,
  run,
  storeConfig,
  untilThere
} from '@slipway/service'
import { createStore } from '@slipway/store'
import { ReceiverConfig, startReceiver } from './service.ts'

const logger = createLogger('receiver')

await run(async (stop) => {
  addSettingsFile(process.env)
  const config = loadConfig(ReceiverConfig, process.env)
  logger.level = config.LOG_LEVEL
  await assertRedisTakesUs(queueConfig(config))
  const closers = createClosers(logger)
  // One that shares its port leaves it to the others meanwhile.
  const waiting = {
    config,
    at: config.RECEIVER_REUSE_PORT
      ? null
      : { host: config.RECEIVER_HOST, port: config.RECEIVER_PORT, setting: 'RECEIVER_PORT' },
    logger,
    stop
  }
  const store = await untilThere('store', () => createStore(storeConfig(config)), waiting)
  closers.add('store', () => store.close())
  const signals = createSignals(queueConfig(config), (err) => logger.warn({ err }, 'Redis does not answer'))
  closers.add('signals', () => signals.close())
  const receiver = await startReceiver(config, { store, signals, logger })
  closers.add('receiver', () => receiver.close())
  return { url: receiver.url, close: () => closers.close() }
}, logger)
