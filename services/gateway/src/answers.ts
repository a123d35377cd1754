import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Failure } from '@slipway/domain/failure'

/** Answers a failure in the one shape that errors have. What has begun cannot be taken back: then the connection is cut. */
export function answerFailure(res: ServerResponse, failure: Failure, headers: string[] = []): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  const retry =
    failure.retryAfterMs === undefined ? [] : ['retry-after', String(Math.ceil(failure.retryAfterMs / 1000))]
  const body = JSON.stringify({ code: failure.code, message: failure.message })
  answer(res, failure.statusCode, 'application/json', body, [...headers, ...retry])
}

export function answer(res: ServerResponse, status: number, type: string, body: string, headers: string[] = []): void {
  res.writeHead(status, [
    ...headers,
    'content-type',
    type,
    'content-length',
    String(Buffer.byteLength(body)),
    'cache-control',
    'no-store'
  ])
  res.end(body)
}

/** The same where there is no response object: the request could not be read. */
export function answerSocket(socket: Duplex, status: number, reason: string, code: string, message: string): void {
  const body = JSON.stringify({ code, message })
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  )
}
