import { BlockList, createServer, type Server, type Socket } from 'node:net'
import type { networkInterfaces } from 'node:os'
import type { Duplex } from 'node:stream'
import { bridgeName, networkHash } from '@slipway/cluster/owner-bridge'
import { closeListener } from '@slipway/service/close-listener'
import type { Logger } from '@slipway/service/logger'
import type { RouteTable } from './routes.ts'

/**
 * Whose function calls, where a connection came from inside of an owner's network: the owner of the bridge at whose address it
 * arrived, and nobody (null) where it comes from elsewhere. Nothing that the caller sends is asked.
 */
export interface InnerCaller {
  owner: { id: string; slug: string } | null
}

export type InnerCallers = WeakMap<Duplex, InnerCaller>

/** The gateway at the addresses of the owners' bridges: what functions call it at. */
export interface InnerListeners {
  /** The routes were swapped: owners may have come or gone. */
  look(): void
  /** Takes no new connections. */
  stop(): Promise<void>
  close(): Promise<void>
}

export interface InnerOptions {
  port: number
  table: Pick<RouteTable, 'served'>
  /** Whose bridges are ours; null: not known yet. */
  installation(): Promise<string | null>
  interfaces: typeof networkInterfaces
  callers: InnerCallers
  /** Serves the connection. */
  take(socket: Socket): void
  logger: Logger
}

interface Bridge {
  owner: { id: string; slug: string }
  cidr: string
}

interface Listener extends Bridge {
  network: BlockList
  server: Server
  sockets: Set<Socket>
}

const periodMs = 500
/** Whose an address is is asked again for a connection after so long: less than an engine needs to give it to another owner's function. */
const freshMs = 100

export function createInnerListeners(options: InnerOptions): InnerListeners {
  const { port, table, interfaces, callers, take, logger } = options
  const listeners = new Map<string, Listener>()
  const refused = new Set<string>()
  const names = new Map<string, string>()
  let owners = new Map<string, Bridge['owner']>()
  let installation: string | null = null
  let lookedAt = Number.NEGATIVE_INFINITY
  let isStopped = false

  /** The bridges that are there, by their own addresses. */
  function bridges(): Map<string, Bridge> {
    const found = new Map<string, Bridge>()
    for (const [name, addresses = []] of Object.entries(interfaces())) {
      const owner = owners.get(name)
      if (owner === undefined) continue
      for (const { address, cidr, family } of addresses) {
        if (family === 'IPv4' && cidr !== null) found.set(address, { owner, cidr })
      }
    }
    return found
  }

  function follow(): void {
    if (isStopped || installation === null) return
    lookedAt = performance.now()
    const wanted = bridges()
    for (const [address, listener] of listeners) {
      const bridge = wanted.get(address)
      if (bridge?.owner.id !== listener.owner.id || bridge.cidr !== listener.cidr) drop(address, listener)
    }
    for (const [address, bridge] of wanted) if (!listeners.has(address)) listen(address, bridge)
  }

  function listen(address: string, bridge: Bridge): void {
    const network = new BlockList()
    network.addSubnet(address, Number(bridge.cidr.split('/')[1]), 'ipv4')
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const listener: Listener = { ...bridge, network, server, sockets: new Set() }
    listeners.set(address, listener)
    server.on('error', (err) => {
      listeners.delete(address)
      if (!refused.has(address)) logger.warn({ err, address, port }, 'functions do not reach the gateway by name')
      refused.add(address)
    })
    server.on('listening', () => refused.delete(address))
    server.on('connection', (socket) => serve(socket, address, listener))
    server.listen({ host: address, port, reusePort: true, backlog: 1024 })
  }

  function serve(socket: Socket, address: string, listener: Listener): void {
    if (performance.now() - lookedAt > freshMs) follow()
    if (listeners.get(address) !== listener) {
      socket.destroy()
      return
    }
    listener.sockets.add(socket)
    socket.once('close', () => listener.sockets.delete(socket))
    callers.set(socket, { owner: isInside(socket, address, listener.network) ? listener.owner : null })
    take(socket)
  }

  function drop(address: string, { server, sockets }: Listener): void {
    listeners.delete(address)
    server.close()
    for (const socket of sockets) socket.destroy()
  }

  async function update(): Promise<void> {
    // While the store is away it is asked again.
    installation ??= await options.installation().catch(() => null)
    if (installation === null) return
    const of = (slug: string) => names.get(slug) ?? bridgeName(networkHash(installation as string, slug))
    owners = new Map()
    for (const { ownerId: id, ownerSlug: slug } of table.served()) {
      const name = of(slug)
      names.set(slug, name)
      owners.set(name, { id, slug })
    }
    follow()
  }

  const timer = setInterval(() => (installation === null ? void update() : follow()), periodMs).unref()
  return {
    look: () => void update(),
    async stop() {
      isStopped = true
      clearInterval(timer)
      await Promise.all([...listeners.values()].map(({ server }) => closeListener(server)))
    },
    async close() {
      isStopped = true
      clearInterval(timer)
      for (const [address, listener] of listeners) drop(address, listener)
    }
  }
}

/** From a container of this bridge: not from this host, and not from one of another's that found the address. */
function isInside(socket: Socket, address: string, network: BlockList): boolean {
  const { remoteAddress } = socket
  if (remoteAddress === undefined || remoteAddress === address) return false
  return network.check(remoteAddress)
}
