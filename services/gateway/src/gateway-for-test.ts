import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  defaultRetryPolicy,
  type Endpoint,
  Failure,
  type KnownKey,
  type Route,
  type TrafficBatch
} from '@slipway/domain'
import type { SignalPayload } from '@slipway/queue/signals'
import { createLogger } from '@slipway/service/logger'
import { createKeptCalls, type KeptCalls } from './async/kept-calls.fixture.ts'
import { type GatewayDeps, type RouteSource, readConfig, startGateway } from './service.ts'

/** A function as the tests run it: a real server on a port of its own. */
export interface TestFunction {
  server: Server
  endpoint: Endpoint
  close(): Promise<void>
}

export async function startFunction(t: TestContext, listener: RequestListener): Promise<TestFunction> {
  const server = createServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket.once('close', () => sockets.delete(socket))))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      // Upgraded ones too, which the server does not know any more.
      for (const socket of sockets) socket.destroy()
    })
  t.after(close)
  return { server, endpoint: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, close }
}

/** A port where nothing listens. */
export async function closedEndpoint(t: TestContext): Promise<Endpoint> {
  const { endpoint, close } = await startFunction(t, () => {})
  await close()
  return endpoint
}

export function routeTo(name: string, endpoints: Endpoint[], more: Partial<Route> = {}): Route {
  return {
    ownerId: 'o-alice',
    ownerSlug: 'alice',
    functionName: name,
    clusterName: `alice-${name}`,
    deploymentId: `d-${name}`,
    generation: 1,
    endpoints,
    writeTimeoutMs: 10_000,
    access: 'public',
    callsPerSecond: null,
    retry: defaultRetryPolicy,
    startsOnCall: false,
    ...more
  }
}

export interface TestGateway {
  url: string
  port: number
  /** Live deployments change, and the gateway is told. */
  setRoutes(routes: Route[], keys?: KnownKey[]): Promise<void>
  /** As `setRoutes`, but the signal is lost. */
  setRoutesSilently(routes: Route[]): void
  storeIsAway(isAway: boolean): void
  /** Where calls that nobody waits for are kept. */
  kept: KeptCalls
  /** What was told to `deployer`. */
  reports: SignalPayload<'gateway'>[]
  /** How much it told that there is to do. */
  loads: SignalPayload<'load'>[]
  /** A function cannot be started. */
  refuseStart(deploymentId: string): void
  /** What it counted, as far as it was handed on. */
  batches: TrafficBatch[]
  close(): Promise<void>
}

export async function startTestGateway(
  t: TestContext,
  routes: Route[],
  env: Record<string, string> = {},
  announceMs = 0,
  more: Partial<Pick<GatewayDeps, 'interfaces' | 'traces' | 'functionAddresses'>> = {}
): Promise<TestGateway> {
  let served = routes
  let keys: KnownKey[] = []
  let version = 1
  let isAway = env.TEST_STORE_AWAY === 'true'
  const kept = createKeptCalls()
  const reports: SignalPayload<'gateway'>[] = []
  const batches: TrafficBatch[] = []
  const loads: SignalPayload<'load'>[] = []
  const listeners = new Set<() => void>()
  const refusing = new Set<(payload: SignalPayload<'unstartable'>) => void>()
  const check = () => {
    if (isAway) throw new Failure('unavailable', 'the database does not answer')
  }
  const source: RouteSource = {
    routes: async () => {
      check()
      return served
    },
    keys: async () => {
      check()
      return keys
    },
    routesVersion: async () => {
      check()
      return version
    },
    installation: async () => 'test'
  }
  const config = readConfig({ GATEWAY_PORT: '0', INNER_PORT: '0', STOP_GRACE_MS: '3000', ...env })
  const running = await startGateway(config, {
    routes: source,
    signals: {
      send: (name, payload) => {
        if (name === 'gateway') reports.push(payload as SignalPayload<'gateway'>)
        else if (name === 'load') loads.push(payload as SignalPayload<'load'>)
      },
      listen: (name, listener) => {
        if (name === 'unstartable') refusing.add(listener as (payload: SignalPayload<'unstartable'>) => void)
        const wake = () => listener({} as never)
        if (name === 'routes') listeners.add(wake)
        return () => listeners.delete(wake)
      }
    },
    asyncCalls: kept.deps,
    traffic: {
      send: async (batch) => void batches.push(batch)
    },
    logger: createLogger('gateway', 'silent'),
    announceMs,
    ...more
  })
  t.after(() => running.close())
  const url = running.url as string
  if (!isAway) await until(() => reports.length > 0)
  return {
    url,
    port: Number(new URL(url).port),
    async setRoutes(next, nextKeys = []) {
      served = next
      keys = nextKeys
      version += 1
      for (const wake of listeners) wake()
      await until(() => reports.at(-1)?.routesVersion === version)
    },
    setRoutesSilently(next) {
      served = next
      version += 1
    },
    storeIsAway(next) {
      isAway = next
    },
    kept,
    reports,
    loads,
    refuseStart: (deploymentId) => refusing.forEach((hear) => hear({ deploymentId })),
    batches,
    close: () => running.close()
  }
}

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  raw: string[]
  trailers: NodeJS.Dict<string>
  body: string
  json(): { code: string; message: string }
}

export interface Question {
  method?: string
  host?: string
  path?: string
  headers?: Record<string, string | string[]>
  body?: string | Buffer
  /** Address of the listener, and of the caller. */
  to?: string
  from?: string
}

/** Asks without any normalisation of the path, on a connection of its own. */
export function ask(port: number, question: Question = {}): Promise<Answer> {
  const { method = 'GET', host = 'alice.localhost', path = '/', body, to = '127.0.0.1', from } = question
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const headers = { host, ...length, ...question.headers }
  return new Promise((resolve, reject) => {
    const req = request({ port, host: to, localAddress: from, method, path, headers, agent: false }, (res) => {
      const parts: Buffer[] = []
      res.on('data', (part: Buffer) => parts.push(part))
      res.on('error', reject)
      res.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          raw: res.rawHeaders,
          trailers: res.trailers,
          body: text,
          json: () => JSON.parse(text) as { code: string; message: string }
        })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

/** Sends bytes as they are, and returns what came until the other side closed, or until it is what was waited for. */
export async function sendRaw(port: number, bytes: string, isWhole = (_text: string) => false): Promise<string> {
  const socket = await openSocket(port)
  let text = ''
  let isClosed = false
  socket.on('data', (part) => {
    text += part.toString('latin1')
  })
  socket.on('error', () => {
    isClosed = true
  })
  socket.on('close', () => {
    isClosed = true
  })
  socket.write(bytes, 'latin1')
  await until(() => isClosed || isWhole(text))
  socket.destroy()
  return text
}

export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

export async function until(isTrue: () => boolean, timeoutMs = 20_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !isTrue(); ) {
    if (Date.now() > end) throw new Error(`not true after ${timeoutMs} ms: ${isTrue.toString()}`)
    await sleep(5)
  }
}

export async function readBody(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of req) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}
