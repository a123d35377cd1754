import { createServer, type Socket } from 'node:net'
import type { FunctionAddresses } from '@slipway/cluster/function-addresses'
import { closeListener } from '@slipway/service/close-listener'
import type { Logger } from '@slipway/service/logger'
import type { InnerCallers, InnerListeners } from './inner.ts'
import { plainAddress } from './peers.ts'
import type { RouteTable } from './routes.ts'

export interface PodListenerOptions {
  host: string
  port: number
  reusePort: boolean
  table: Pick<RouteTable, 'served'>
  /** Whose functions are ours; null: not known yet. */
  installation(): Promise<string | null>
  open(installation: string): Promise<FunctionAddresses>
  callers: InnerCallers
  /** Serves the connection. */
  take(socket: Socket): void
  logger: Logger
}

const periodMs = 500

/** Kubernetes' client is loaded where it is asked only. @param kubeconfig a file; null: the service account of this pod. */
export function addressesByCluster(kubeconfig: string | null, logger: Logger): PodListenerOptions['open'] {
  return async (installation) => {
    const { openFunctionAddresses } = await import('@slipway/cluster/function-addresses')
    return openFunctionAddresses(kubeconfig, installation, logger)
  }
}

/**
 * The gateway where functions on Kubernetes call it: one listener, at which an owner's function is known by the address of its pod.
 * Who comes from an address that is no function's is nobody.
 */
export function createPodListener(options: PodListenerOptions): InnerListeners {
  const { host, port, reusePort, table, callers, take, logger } = options
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true })
  /** Connections of which it is not known yet whose they are. */
  const held = new Map<Socket, Promise<void>>()
  let owners = new Map<string, { id: string; slug: string }>()
  let opening: Promise<FunctionAddresses | null> | null = null
  let isRefused = false
  let isUnknown = false
  let isStopped = false

  server.on('connection', (socket) => held.set(socket, serve(socket)))
  server.on('error', (err) => {
    if (!isRefused) logger.warn({ err, host, port }, 'functions do not reach the gateway by name')
    isRefused = true
  })
  server.on('listening', () => {
    isRefused = false
  })

  async function serve(socket: Socket): Promise<void> {
    const ignore = () => undefined
    socket.on('error', ignore)
    const owner = await ownerOf(socket)
    held.delete(socket)
    socket.off('error', ignore)
    if (socket.destroyed) return
    callers.set(socket, { owner })
    take(socket)
    socket.resume()
  }

  async function ownerOf({ remoteAddress }: Socket): Promise<{ id: string; slug: string } | null> {
    if (remoteAddress === undefined) return null
    const addresses = await opened()
    const slug = (await addresses?.ownerOf(plainAddress(remoteAddress))) ?? null
    return slug === null ? null : (owners.get(slug) ?? null)
  }

  /** null: it cannot be known yet. It is tried again by who comes next, and all the time. */
  function opened(): Promise<FunctionAddresses | null> {
    opening ??= open().then((addresses) => {
      if (addresses === null) opening = null
      return addresses
    })
    return opening
  }

  async function open(): Promise<FunctionAddresses | null> {
    try {
      const installation = await options.installation()
      return installation === null || isStopped ? null : await options.open(installation)
    } catch (err) {
      if (!isUnknown) logger.warn({ err }, 'whose functions call cannot be known: nobody is believed to be one')
      isUnknown = true
      return null
    }
  }

  function follow(): void {
    if (isStopped) return
    if (!server.listening) server.listen({ host, port, reusePort, backlog: 1024 })
    void opened()
  }

  const timer = setInterval(follow, periodMs).unref()
  follow()
  return {
    look() {
      owners = new Map([...table.served()].map(({ ownerId: id, ownerSlug: slug }) => [slug, { id, slug }]))
    },
    async stop() {
      isStopped = true
      clearInterval(timer)
      await closeListener(server)
      await Promise.all(held.values())
    },
    async close() {
      isStopped = true
      clearInterval(timer)
      server.close()
      for (const socket of held.keys()) socket.destroy()
      await (await opening)?.close()
    }
  }
}
