import { appendFile, chmod, mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ApiConfig, startApi } from '@slipway/api'
import { BuilderConfig, startBuilder } from '@slipway/builder'
import { DeployerConfig, installationOf, startDeployer } from '@slipway/deployer'
import { assertRedisTakesUs, createSignals } from '@slipway/queue'
import { ReceiverConfig, startReceiver } from '@slipway/receiver'
import {
  createClosers,
  type Logger,
  loadConfig,
  queueConfig,
  type Running,
  storeConfig,
  untilThere,
  withSettingFiles
} from '@slipway/service'
import { lockDirectory } from '@slipway/service/directory-lock'
import { createStore } from '@slipway/store'
import { refuseHalfRestored } from './backup/state.ts'
import { type Endpoints, saveEndpoints } from './connection.ts'
import { gatewayEnv, keepGateway } from './gateway-process.ts'
import { type OwnRegistry, portsOf, startServers } from './servers.ts'

type Env = Record<string, string | undefined>

/**
 * Everything on one machine, in two processes: control (receiver, builder, deployer, API), which is this one, and the gateway.
 * Redis and a registry are started beside them unless they are configured.
 */
export async function up(
  environment: Env,
  logger: Logger,
  say: (line: string) => void,
  stop: AbortSignal
): Promise<Running> {
  // What is decided by here, and given to the gateway.
  const env = withSettingFiles(environment, ['DATABASE_URL', 'REDIS_URL', 'REGISTRY'])
  const home = resolve(env.SLIPWAY_HOME ?? '.slipway')
  await mkdir(home, { recursive: true })
  // Tokens, secrets of webhooks and logs of private builds are in it.
  await chmod(home, 0o700)
  const closers = createClosers(logger)
  try {
    const lock = await lockDirectory(home)
    closers.add('lock', () => lock.release())
    refuseHalfRestored(home)
    const ports = await portsOf(home)
    const servers = await startServers(
      home,
      ports,
      { redisUrl: env.REDIS_URL || undefined, registry: env.REGISTRY || undefined },
      logger
    )
    closers.add('servers', () => servers.stop())
    const gatewayPort = env.GATEWAY_PORT ?? String(ports.gateway)
    const gatewayUrl = `http://127.0.0.1:${gatewayPort}`
    const settings: Env = {
      RECEIVER_PORT: String(ports.receiver),
      API_PORT: String(ports.api),
      PUBLIC_URL: `http://127.0.0.1:${env.API_PORT ?? ports.api}`,
      RECEIVER_PUBLIC_URL: env.PUBLIC_URL ?? `http://127.0.0.1:${env.RECEIVER_PORT ?? ports.receiver}`,
      GATEWAY_PUBLIC_URL: gatewayUrl,
      API_URL: `http://127.0.0.1:${env.API_PORT ?? ports.api}`,
      ...(await baseImages(home)),
      ...env,
      SLIPWAY_HOME: home,
      REDIS_URL: servers.redisUrl,
      REGISTRY: servers.registry,
      GATEWAY_PORT: gatewayPort
    }
    const control = await startControl(settings, servers.ownRegistry, logger, stop)
    closers.add('control', () => control.close())
    const gateway = await keepGateway(home, gatewayEnv(settings), gatewayUrl, logger)
    closers.add('gateway', () => gateway.stop())

    const { installation, api, receiver } = control
    const endpoints: Endpoints = { installation, api, receiver, gateway: gatewayUrl }
    await saveEndpoints(home, endpoints)
    say(`functions   ${endpoints.gateway}/function/<owner>-<function>`)
    say(`webhooks    ${endpoints.receiver}/webhooks/github, ${endpoints.receiver}/webhooks/gitlab`)
    say(`page        ${endpoints.api}`)
    if (control.claimUrl !== null) say(`to become the administrator, open once: ${control.claimUrl}`)
    say(`status API  ${endpoints.api}/docs (token in ${join(home, 'admin-token')})`)
    return { url: gatewayUrl, close: () => closers.close() }
  } catch (err) {
    await closers.close()
    throw err
  }
}

async function startControl(
  settings: Env,
  registry: OwnRegistry | null,
  logger: Logger,
  stop: AbortSignal
): Promise<{ installation: string; api: string; receiver: string; claimUrl: string | null; close(): Promise<void> }> {
  const config = loadConfig(DeployerConfig, settings)
  const closers = createClosers(logger)
  try {
    await assertRedisTakesUs(queueConfig(config))
    const open = () => createStore(storeConfig(config))
    const store = await untilThere('store', open, { config, at: null, logger, stop })
    closers.add('store', () => store.close())
    const { id: installation } = await installationOf(store)
    await noteInstallation(config.SLIPWAY_HOME, installation)
    const signals = createSignals(queueConfig(config), (err) => logger.debug({ err }, 'Redis does not answer'))
    closers.add('signals', () => signals.close())
    const shared = { store, signals, logger }
    const atRegistry = registry === null ? {} : { atRegistry: registry.use }
    const collecting = registry === null ? {} : { collectLayers: registry.collectLayers }
    const deployer = await startDeployer(config, { ...shared, ...atRegistry, ...collecting })
    closers.add('deployer', () => deployer.close())
    const builder = await startBuilder(loadConfig(BuilderConfig, settings), { ...shared, ...atRegistry, env: settings })
    closers.add('builder', () => builder.close())
    const api = await startApi(loadConfig(ApiConfig, settings), shared)
    closers.add('api', () => api.close())
    const receiver = await startReceiver(loadConfig(ReceiverConfig, settings), shared)
    closers.add('receiver', () => receiver.close())
    return {
      installation,
      api: api.url ?? '',
      receiver: receiver.url ?? '',
      claimUrl: api.claimUrl,
      close: () => closers.close()
    }
  } catch (err) {
    await closers.close()
    throw err
  }
}

/** Before anything carries the id: whoever cleans up later finds it here, even when the store is gone. One id a line. */
async function noteInstallation(home: string, id: string): Promise<void> {
  const file = join(home, 'installations')
  const known = await readFile(file, 'utf8').catch(() => '')
  if (!known.split('\n').includes(id)) await appendFile(file, `${id}\n`)
}

/** What the bootstrap made of this machine's own parts, where base images cannot be pulled. */
async function baseImages(home: string): Promise<Env> {
  try {
    const bases = JSON.parse(await readFile(join(home, 'bases.json'), 'utf8')) as { node?: string; python?: string }
    return { BASE_NODE: bases.node, BASE_PYTHON: bases.python }
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw err
  }
}
