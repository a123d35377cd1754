import { Readable } from 'node:stream'
import type { InternalApi } from '@slipway/client'
import { Failure, type LogChunk, type Store } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { under } from './access.ts'
import { readLog } from './logs.ts'
import { type Frame, sseOf } from './sse.ts'

export interface LogRouteDeps {
  store: Store
  internal: InternalApi
  signals: Signals
  now: () => number
  signalOf(reply: FastifyReply): AbortSignal
}

function wantsEvents(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/event-stream')
}

const LogQuery = Type.Object({
  after: Type.Integer({ minimum: 0, default: 0, description: 'chunks up to this one are known' }),
  follow: Type.Boolean({ default: false })
})
const RuntimeLogQuery = Type.Object({
  follow: Type.Boolean({ default: false }),
  since: Type.Optional(Type.Integer({ minimum: 0 })),
  tail: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 }))
})

/** The streams: a build's log and what a function prints, as text or as server-sent events. */
export function addLogRoutes(app: FastifyInstance, { store, internal, signals, now, signalOf }: LogRouteDeps): void {
  const security = [{ token: [] }]
  const description =
    'Plain text, or server-sent events with "Accept: text/event-stream": `id` is the offset to go on from.'

  app.get<{ Params: { id: string }; Querystring: { after: number; follow: boolean } }>(
    '/api/v1/builds/:id/log',
    {
      ...under({ action: 'see-log', on: 'build' }),
      schema: { operationId: 'getBuildLog', summary: "A build's log", description, security, querystring: LogQuery }
    },
    async (request, reply) => {
      const { id } = request.params
      if ((await store.builds.get(id)) === null) throw new Failure('not-found', `there is no build ${id}`)
      const lastEventId = Number(request.headers['last-event-id'])
      const after = Number.isSafeInteger(lastEventId) ? lastEventId : request.query.after
      const signal = signalOf(reply)
      const chunks = readLog({ store, signals, now }, id, { after, follow: request.query.follow }, signal)
      // The connection has told what it was made for once the stream ends.
      reply.header('connection', 'close')
      if (wantsEvents(request))
        return reply.type('text/event-stream').send(
          sseOf(
            framed(chunks, ({ seq }) => seq),
            signal
          )
        )
      return reply.type('text/plain; charset=utf-8').send(Readable.from(textOf(chunks)))
    }
  )

  app.get<{ Params: { owner: string; name: string }; Querystring: { follow: boolean; since?: number; tail?: number } }>(
    '/api/v1/functions/:owner/:name/log',
    {
      ...under({ action: 'see-log', on: 'function' }),
      schema: {
        operationId: 'getFunctionLog',
        summary: 'What the live replicas print',
        description,
        security,
        querystring: RuntimeLogQuery
      }
    },
    async (request, reply) => {
      const owner = await store.owners.findBySlug(request.params.owner)
      const record = owner === null ? null : await store.functions.get(owner.id, request.params.name)
      if (record?.liveDeploymentId == null)
        throw new Failure('not-found', `${request.params.owner} has no live function ${request.params.name}`)
      const { follow, since = null, tail = null } = request.query
      const signal = signalOf(reply)
      const lines = internal.logs(record.liveDeploymentId, { follow, since, tail }, signal)
      // The connection has told what it was made for once the stream ends.
      reply.header('connection', 'close')
      if (wantsEvents(request))
        return reply.type('text/event-stream').send(
          sseOf(
            framed(lines, () => null),
            signal
          )
        )
      async function* text() {
        for await (const line of lines) yield `${new Date(line.at).toISOString()} ${line.instance} ${line.text}\n`
      }
      return reply.type('text/plain; charset=utf-8').send(Readable.from(text()))
    }
  )
}

async function* framed<T>(items: AsyncIterable<T>, idOf: (item: T) => number | null): AsyncIterable<Frame> {
  for await (const data of items) yield { id: idOf(data), data }
}

async function* textOf(chunks: AsyncIterable<LogChunk>): AsyncIterable<string> {
  for await (const { step, functionName, text } of chunks) {
    const mark = functionName === null ? step : `${step} ${functionName}`
    yield text
      .split('\n')
      .map((line) => `[${mark}] ${line}\n`)
      .join('')
  }
}
