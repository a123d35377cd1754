import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream'
import type { CertificateFiles } from './certificates.ts'
import { nodeAddress } from './ground.ts'

/** What listens on the node's own address, where its pods reach it. */
export interface Reachable {
  port: number
  close(): Promise<void>
}

/** For what listens on this machine's loopback, or on a path. */
export function forward(to: NetConnectOpts): Promise<Reachable> {
  const server = createServer((from) => {
    const onward = connect(to)
    from.pipe(onward).pipe(from)
    for (const [one, other] of [
      [from, onward],
      [onward, from]
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  return listen(server)
}

/** For an http server of this machine's loopback that is to speak https, and believes who says that it does. */
export async function forwardHttps(port: number, { certificate, key }: CertificateFiles): Promise<Reachable> {
  const options = { cert: await readFile(certificate), key: await readFile(key) }
  const server = createHttpsServer(options, (from, answer) => {
    const { method, url: path } = from
    const headers = { ...from.headers, 'x-forwarded-proto': 'https' }
    const onward = request({ host: '127.0.0.1', port, method, path, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers)
      pipeline(got, answer, () => undefined)
    })
    onward.on('error', () => answer.destroy())
    pipeline(from, onward, () => undefined)
  })
  return listen(server)
}

async function listen(server: Server): Promise<Reachable> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, nodeAddress, resolve)
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return {
    port: address.port,
    close() {
      // Of a pod that is gone nobody says so.
      for (const socket of open) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    }
  }
}
