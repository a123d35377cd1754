import { authorize, isAdministrator, type Store } from '@slipway/domain'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { under } from './access.ts'
import type { Feed } from './feed.ts'
import type { FeedEvent } from './feed-events.ts'
import type { Caller } from './identify.ts'
import { resourceOf } from './resource.ts'
import { sseOf } from './sse.ts'

const Query = Type.Object({
  after: Type.Optional(Type.String({ maxLength: 64, description: "an event's id: only what came after it" }))
})

interface FeedRouteDeps {
  feed: Feed
  store: Pick<Store, 'owners'>
  callerOf(request: FastifyRequest): Caller
  signalOf(reply: FastifyReply): AbortSignal
}

/** Then whoever watches comes back by itself, and is asked anew who it is and what it may see. */
const longestMs = 5 * 60_000

/** What happens, as server-sent events, to whom it may concern. */
export function addFeedRoute(app: FastifyInstance, { feed, store, callerOf, signalOf }: FeedRouteDeps): void {
  app.get<{ Querystring: { after?: string } }>(
    '/api/v1/events',
    {
      ...under({ action: 'see-events', on: 'listing' }),
      schema: {
        operationId: 'followEvents',
        summary: 'What happens, as it happens',
        description:
          'Server-sent events: builds, functions and deliveries that changed. `Last-Event-ID` or `after` goes on after an event; ' +
          '`event: reset` says that some may be missing, so that what is shown has to be asked for again.',
        security: [{ token: [] }],
        querystring: Query
      }
    },
    async (request, reply) => {
      const header = request.headers['last-event-id']
      const after = (typeof header === 'string' ? header : undefined) ?? request.query.after ?? null
      const signal = AbortSignal.any([signalOf(reply), AbortSignal.timeout(longestMs)])
      // The connection has told what it was made for once the stream ends.
      reply.header('connection', 'close').header('x-accel-buffering', 'no')
      const frames = sseOf(shown(feed.follow(after, signal), callerOf(request)), signal)
      return reply.type('text/event-stream').send(frames)
    }
  )

  async function* shown(events: ReturnType<Feed['follow']>, caller: Caller) {
    for await (const event of events) {
      if (event.kind === 'reset') yield { id: event.id, event: 'reset', data: {} }
      else if (maySee(caller, event)) yield { id: event.id, data: await view(event) }
    }
  }

  async function view({ id, at, kind, ownerId, repository, buildId, functionName, status }: FeedEvent) {
    const owner = ownerId === null ? null : ((await store.owners.get(ownerId))?.slug ?? null)
    return {
      id,
      at,
      kind,
      owner,
      ...(repository === null ? {} : { repositoryId: repository.id }),
      ...(buildId === null ? {} : { buildId }),
      ...(functionName === null ? {} : { function: functionName }),
      ...(status === null ? {} : { status })
    }
  }
}

/** Of public pages strangers hear nothing by themselves: they would hear of everybody's. */
function maySee(caller: Caller, { repository, ownerId }: FeedEvent): boolean {
  if (repository === null && ownerId === null) return isAdministrator(caller)
  const ofOwner = { kind: 'owner', ownerId: ownerId ?? '', hasPublicPages: false } as const
  const resource = repository === null ? ofOwner : resourceOf(repository)
  return authorize(caller, caller.grants, 'see-events', resource) === 'allowed'
}
