import { rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net'

/** `pass` hands on; `refuse` lets nobody connect and breaks what is connected; `hang` takes everything and never answers. */
export type ProxyMode = 'pass' | 'refuse' | 'hang'

/** Stands before a server, which is away for whoever comes through here whenever a test wants it so. */
export interface Proxy {
  /** Of a TCP proxy; 0 for one on a socket's path. */
  port: number
  set(mode: ProxyMode): Promise<void>
  close(): Promise<void>
}

/** @param listenOn a path for a Unix socket; null: a free port of loopback. */
export async function startProxy(target: NetConnectOpts, listenOn: string | null): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let mode: ProxyMode = 'refuse'
  let port = 0

  function keep(socket: Socket): void {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }

  const server = createServer({ allowHalfOpen: true }, (near) => {
    keep(near)
    if (mode === 'hang') return
    const far = connect({ ...target, allowHalfOpen: true })
    keep(far)
    near.pipe(far)
    far.pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })

  async function listen(): Promise<void> {
    if (listenOn !== null) await rm(listenOn, { force: true })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen(listenOn === null ? { port, host: '127.0.0.1' } : { path: listenOn }, resolve)
    await promise
    server.off('error', reject)
    if (listenOn === null) port = (server.address() as AddressInfo).port
  }

  async function refuse(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }

  const proxy: Proxy = {
    get port() {
      return port
    },
    async set(next) {
      if (next === mode) return
      if (mode !== 'refuse') await refuse()
      mode = next
      if (next !== 'refuse') await listen()
    },
    close: () => proxy.set('refuse')
  }
  await proxy.set('pass')
  return proxy
}
