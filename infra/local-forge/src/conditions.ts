import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'

/** Both forges give every answer to a GET an `ETag`, and say 304 to who has that answer already (RFC 9110). */
export function addConditions(scope: FastifyInstance): void {
  scope.addHook('onSend', async (request, reply, payload) => {
    if (request.method !== 'GET' || reply.statusCode !== 200 || typeof payload !== 'string') return payload
    const etag = `W/"${createHash('sha256').update(payload).digest('hex')}"`
    reply.header('etag', etag)
    if (request.headers['if-none-match'] !== etag) return payload
    reply.code(304).removeHeader('content-length')
    return ''
  })
}
