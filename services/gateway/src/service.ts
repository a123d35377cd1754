import { randomUUID } from 'node:crypto'
import type { AddressInfo, ListenOptions, Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain/failure'
import type { Signals } from '@slipway/queue/signals'
import type { TrafficSender } from '@slipway/queue/traffic'
import { closeListener, quietMoment } from '@slipway/service/close-listener'
import { createClosers } from '@slipway/service/closers'
import type { Logger } from '@slipway/service/logger'
import { letConnectionsMove } from '@slipway/service/moving-connections'
import type { Running } from '@slipway/service/run'
import { announce } from './announce.ts'
import { createAcceptCall } from './async/accept.ts'
import { createBodies } from './async/bodies.ts'
import { createSendResult } from './async/callback.ts'
import { type AsyncDeskDeps, createAsyncDesk } from './async/desk.ts'
import { createMakeCall } from './async/make-call.ts'
import { createPerform } from './async/perform.ts'
import { type Calls, createCalls } from './calls.ts'
import type { GatewayConfig } from './config.ts'
import { createGateway, type Gateway } from './gateway.ts'
import { createInnerListeners, type InnerCallers, type InnerListeners } from './inner.ts'
import { addressesByCluster, createPodListener, type PodListenerOptions } from './inner-pods.ts'
import { createMetrics } from './metrics.ts'
import { createOwn } from './own.ts'
import { createPeerList } from './peers.ts'
import { createReporter } from './report.ts'
import { createRouteFeed } from './route-feed.ts'
import type { RouteSource } from './route-source.ts'
import { createRouteTable } from './routes.ts'
import { createSystemProxy } from './system.ts'
import { createTally } from './tally.ts'
import type { Traces } from './traces.ts'
import { createTrafficFeed } from './traffic-feed.ts'
import { createWaking } from './waking.ts'

export { prefixes } from './address.ts'
export { type GatewayConfig, readConfig } from './config.ts'
export { ownPaths } from './own.ts'
export type { RouteSource } from './route-source.ts'

export interface GatewayDeps {
  routes: RouteSource
  signals: Pick<Signals, 'send' | 'listen'>
  /** Keeps calls that nobody waits for. */
  asyncCalls: Pick<AsyncDeskDeps, 'backlog' | 'open'>
  /** Takes what was counted. */
  traffic: Pick<TrafficSender, 'send'>
  /** Takes spans of calls; left out where nobody does. */
  traces?: Traces | null
  logger: Logger
  now?: () => number
  /** The networks of this machine, among which are the owners'. */
  interfaces?: typeof networkInterfaces
  /** Whose functions call, where they are pods. */
  functionAddresses?: PodListenerOptions['open']
  /** How long answers tell that their connections end before a stop. */
  announceMs?: number
  /** How long one that shares its port with others waits for its first routes before it takes a part of the calls all the same. */
  firstRoutesMs?: number
}

/**
 * Starts to serve functions. Resolves when it listens; the routes may come later, until then calls are answered 503.
 * One that shares its port listens when it has routes: meanwhile the others answer.
 */
export async function startGateway(
  config: GatewayConfig,
  {
    routes,
    signals,
    asyncCalls,
    traffic,
    logger,
    now = Date.now,
    interfaces = networkInterfaces,
    functionAddresses = addressesByCluster(config.KUBECONFIG, logger),
    traces = null,
    announceMs = 400,
    firstRoutesMs = 15_000
  }: GatewayDeps
): Promise<Running> {
  const closers = createClosers(logger)
  let isStopping = false
  const innerCallers: InnerCallers = new WeakMap()
  let inner: InnerListeners | null = null
  const table = createRouteTable(() => reporter.tell())
  const gatewayId = randomUUID()
  const waking = createWaking({ table, asked: () => reporter.tell(), timeoutMs: config.START_TIMEOUT_MS })
  const reporter = createReporter(gatewayId, table, waking.waiting, signals)
  const metrics = createMetrics(table.served)
  const tally = createTally()
  const trafficFeed = createTrafficFeed({ tally, sender: traffic, gatewayId, now, logger })
  closers.add('traffic', () => trafficFeed.close())
  closers.add('reporter', () => reporter.close())
  closers.add('connections to functions', () => table.close())

  function missing(): string[] {
    if (isStopping) return ['time: it stops']
    return table.version() === null ? ['routes'] : []
  }

  try {
    const isTrustedProxy = createPeerList(config.TRUSTED_PROXIES, 'TRUSTED_PROXIES')
    const calls = createCalls({
      table,
      metrics,
      tally,
      waking,
      bodyLimitBytes: config.BODY_LIMIT_BYTES,
      inFlightLimit: config.IN_FLIGHT_LIMIT,
      isTrustedProxy,
      traces,
      now
    })
    const perform = createPerform({ table, metrics, tally, waking, now })
    const sendResult = createSendResult({ isLoopbackAllowed: config.CALLBACK_LOOPBACK === 'on' })
    const desk = createAsyncDesk({
      ...asyncCalls,
      make: createMakeCall({ table, perform, sendResult, now, logger }),
      graceMs: config.STOP_GRACE_MS,
      now,
      logger
    })
    closers.add('asynchronous calls', () => desk.close())
    const isMetricsPeer = createPeerList(config.METRICS_PEERS, 'METRICS_PEERS')
    const gateway = createGateway({
      calls,
      own: createOwn({ registry: metrics.registry, isMetricsPeer, missing, logger }),
      accept: createAcceptCall({
        table,
        desk,
        refusalOfMany: calls.refusalOfMany,
        bodies: createBodies({
          limitBytes: config.ASYNC_BODY_LIMIT_BYTES,
          heldLimitBytes: config.ASYNC_HELD_LIMIT_BYTES,
          inFlightLimit: config.IN_FLIGHT_LIMIT
        }),
        isTrustedProxy,
        traces,
        now
      }),
      system: createSystemProxy(config.API_URL),
      innerCallers,
      domain: config.FUNCTIONS_DOMAIN,
      headTimeoutMs: config.HEAD_TIMEOUT_MS,
      logger
    })
    inner = createInner(gateway)
    closers.add('listeners for functions', () => inner?.close())
    const firstRoutes = Promise.withResolvers<void>()
    const feed = createRouteFeed(
      routes,
      table,
      () => {
        onSwap()
        firstRoutes.resolve()
      },
      logger
    )
    closers.add('routes', () => feed.close())
    if (config.GATEWAY_REUSE_PORT) {
      await letConnectionsMove(logger)
      await Promise.race([firstRoutes.promise, sleep(firstRoutesMs, undefined, { ref: false })])
    }
    const url = await listen(gateway, config)
    closers.add('signal', signals.listen('routes', feed.wake))
    const announced = announce(gatewayId, signals, now)
    closers.add('announcement', () => announced.close())
    closers.add(
      'hearing of starts',
      signals.listen('unstartable', ({ deploymentId }) => waking.refuse(deploymentId))
    )
    closers.add('server', () => {
      isStopping = true
      // Side by side: each may take as long as calls take.
      return Promise.all([desk.close(), stop(gateway, inner, calls, announceMs, config.STOP_GRACE_MS)]).then(
        () => undefined
      )
    })
    logger.info({ url }, 'the gateway listens')
    return { url, close: () => closers.close() }
  } catch (err) {
    await closers.close()
    throw err
  }

  function createInner({ server }: Gateway): InnerListeners | null {
    if (config.INNER_PORT === 0) return null
    const { INNER_PORT: port } = config
    const take = (socket: Socket) => void server.emit('connection', socket)
    const { installation } = routes
    const common = { port, table, installation, callers: innerCallers, take, logger }
    if (config.KUBERNETES_INNER_GATEWAY === null) return createInnerListeners({ ...common, interfaces })
    const { INNER_HOST, GATEWAY_HOST, GATEWAY_REUSE_PORT: reusePort } = config
    return createPodListener({ ...common, host: INNER_HOST ?? GATEWAY_HOST, reusePort, open: functionAddresses })
  }

  function onSwap(): void {
    inner?.look()
    metrics.keep(new Set([...table.served()].map(({ label }) => label)))
    waking.look()
    reporter.tell()
  }
}

function listen({ server }: Gateway, config: GatewayConfig): Promise<string> {
  const where: ListenOptions = {
    host: config.GATEWAY_HOST,
    port: config.GATEWAY_PORT,
    reusePort: config.GATEWAY_REUSE_PORT,
    backlog: 1024
  }
  return new Promise((resolve, reject) => {
    function onError(err: Error): void {
      const message = `the gateway cannot listen on ${where.host} port ${where.port} (${err.message}): set another GATEWAY_PORT`
      reject(new Failure('invalid-configuration', message, { cause: err }))
    }
    server.once('error', onError)
    server.listen(where, () => {
      server.off('error', onError)
      const { address, family, port } = server.address() as AddressInfo
      resolve(`http://${family === 'IPv6' ? `[${address}]` : address}:${port}`)
    })
  })
}

/** How long one who is connected has to ask. */
const lastWordsMs = 1000

/**
 * Callers that hold a connection learn first that it ends, so that none sends into a closed one;
 * then no new ones are taken, and what is in flight has its time.
 */
async function stop(
  { server, announceClose }: Gateway,
  inner: InnerListeners | null,
  calls: Calls,
  announceMs: number,
  graceMs: number
): Promise<void> {
  announceClose()
  await sleep(announceMs)
  const [{ ended }] = await Promise.all([closeListener(server), inner?.stop()])
  const timer = setTimeout(calls.cut, graceMs)
  await calls.idle()
  // Who has connected and did not ask yet is heard, too, and who holds a connection.
  await Promise.race([ended, sleep(Math.min(lastWordsMs, graceMs), undefined, { ref: false })])
  await calls.idle()
  clearTimeout(timer)
  await quietMoment(server)
  server.closeAllConnections()
  await ended
}
