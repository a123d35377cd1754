import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'
import { fileURLToPath } from 'node:url'

const relay = fileURLToPath(new URL('./own-network-relay.ts', import.meta.url))

/** A network in which nothing changes, and the way out of it to this machine's addresses. */
export interface OwnNetwork {
  /** Starts the program in it, with the arguments that it is called with. */
  executablePath: string
  /** Of a SOCKS proxy there, by which all is reached as from here. */
  proxy: string
  close(): Promise<void>
}

/**
 * Chromium ends what it has just begun to ask for with ERR_NETWORK_CHANGED whenever an address comes or goes on the machine: with each
 * container and each network of the engine, whoever makes them. So it gets a network of its own. That takes root.
 */
export async function createOwnNetwork(program: string): Promise<OwnNetwork> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'slipway-browser-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'way-out')
  const server = await serveSocks(path)
  opened.defer(() => void server.close())
  const child = spawn('unshare', ['--net', process.execPath, relay, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  opened.defer(() => end(child))
  const [port] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('a network of its own could not be made for the browser')))
  ])
  const executablePath = join(directory, 'browser')
  const script = `#!/bin/sh\nexec nsenter --net=/proc/${child.pid}/ns/net '${program}' "$@"\n`
  await writeFile(executablePath, script, { mode: 0o700 })
  const toClose = opened.move()
  return { executablePath, proxy: `socks5://127.0.0.1:${port}`, close: () => toClose.disposeAsync() }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  await ended
}

async function serveSocks(path: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    // A browser that is closed leaves in the middle of a word.
    answer(socket).catch(() => socket.destroy())
  })
  server.listen(path)
  await once(server, 'listening')
  return server
}

/** RFC 1928 as far as a browser speaks it to a proxy that asks for no password: one greeting, one address, then bytes. */
async function answer(socket: Socket): Promise<void> {
  const read = reader(socket)
  const [, methods = 0] = await read(2)
  await read(methods)
  socket.write(Buffer.from([5, 0]))
  const [, , , kind] = await read(4)
  const host = await readHost(kind, read)
  const port = (await read(2)).readUInt16BE()
  const there = connect({ host, port, allowHalfOpen: true })
  await once(there, 'connect')
  socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
  pipeline(socket, there, socket, () => {})
}

async function readHost(kind: number | undefined, read: (size: number) => Promise<Buffer>): Promise<string> {
  if (kind === 1) return [...(await read(4))].join('.')
  if (kind !== 3) throw new Error(`no address of kind ${kind} is expected`)
  const [length = 0] = await read(1)
  return (await read(length)).toString()
}

/** So many bytes, once they are there. */
function reader(socket: Socket) {
  return async (size: number): Promise<Buffer> => {
    if (size === 0) return Buffer.alloc(0)
    for (;;) {
      const bytes = socket.read(size) as Buffer | null
      if (bytes !== null && bytes.length === size) return bytes
      if (bytes !== null || socket.readableEnded) throw new Error('the connection ended')
      await once(socket, 'readable')
    }
  }
}
