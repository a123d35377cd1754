import type { IncomingMessage, ServerResponse as Response } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Call } from './call.ts'

const { ServerResponse } = process.getBuiltinModule('node:http')

const lastWordsMs = 2000

/** Only WebSocket: any other offer of an upgrade is not taken, and the request is an ordinary one. */
export function isWebSocket(req: IncomingMessage): boolean {
  return req.method === 'GET' && req.headers.upgrade?.toLowerCase() === 'websocket'
}

/** A response for a handshake that may yet be refused: then it is an ordinary answer, after which the connection ends. */
export function responseForUpgrade(req: IncomingMessage, socket: Duplex): Response {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket as Socket)
  res.once('finish', () => socket.end())
  return res
}

/** The function agreed: from here on bytes are passed both ways until either side closes. */
export function joinSockets({ res, upgrade }: Call, status: number, headers: string[], far: Duplex): void {
  const near = upgrade?.socket as Socket | undefined
  if (near === undefined || near.destroyed) {
    far.on('error', () => far.destroy()).destroy()
    return
  }
  let head = `HTTP/1.1 ${status} Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  res.statusCode = status
  near.write(`${head}\r\n`, 'latin1')
  if (upgrade !== null && upgrade.head.length > 0) far.write(upgrade.head)
  near.pipe(far).pipe(near)
  near.on('error', () => far.destroy()).on('close', () => far.destroy())
  far.on('error', () => near.destroy()).on('close', () => near.destroySoon())
  // Half a WebSocket is none: the other side may say its last words, and no more.
  const endSoon = (): void => {
    const timer = setTimeout(() => near.destroy(), lastWordsMs)
    near.once('close', () => clearTimeout(timer))
  }
  near.once('end', endSoon)
  far.once('end', endSoon)
}
