import { BuilderConfig, startBuilder } from '@slipway/builder'
import { createSignals } from '@slipway/queue'
import { createRegistryClient } from '@slipway/registry'
import { createClosers, createLogger, loadConfig, queueConfig, registryAuth, run, storeConfig } from '@slipway/service'
import { createStore } from '@slipway/store'
import { withPreparedImages } from './prepared-images.ts'

/** The builder as `services/builder/src/main.ts` starts it, but for the images. */
const logger = createLogger('builder', process.env.LOG_LEVEL ?? 'info')

await run(async () => {
  const config = loadConfig(BuilderConfig, process.env)
  const closers = createClosers(logger)
  const store = await createStore(storeConfig(config))
  closers.add('store', () => store.close())
  const signals = createSignals(queueConfig(config), (err) => logger.warn({ err }, 'Redis does not answer'))
  closers.add('signals', () => signals.close())
  const registry = createRegistryClient(registryAuth(config))
  const builder = await startBuilder(config, {
    store,
    signals,
    logger,
    env: process.env,
    engineOf: (engine) => withPreparedImages(engine, registry)
  })
  closers.add('builder', () => builder.close())
  return { url: builder.url, close: () => closers.close() }
}, logger)
