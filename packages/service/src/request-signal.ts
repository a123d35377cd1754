import type { FastifyInstance, FastifyReply } from 'fastify'

/**
 * For handlers that answer for long: a signal that aborts when the caller goes away, and when the server is closed,
 * so that a stream that never ends does not keep a service from stopping.
 */
export function createRequestSignals(app: FastifyInstance): (reply: FastifyReply) => AbortSignal {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())
  return (reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    return AbortSignal.any([gone.signal, closing.signal])
  }
}
