import { Failure, type RecordedDelivery, type WebhookSource } from '@slipway/domain'
import { createServer, type ServerOptions } from '@slipway/service'
import type { FastifyInstance } from 'fastify'
import { type BodyLimits, createBodyReader } from './body.ts'
import type { GroupCommit } from './group-commit.ts'

export interface ReceiverDeps extends Pick<ServerOptions, 'logger' | 'needs' | 'metrics'> {
  sources: WebhookSource[]
  commits: GroupCommit
  limits: BodyLimits
  /** Connections beyond these are closed as they come: what each holds is limited, so their number has to be, too. */
  connectionLimit: number
}

/** Where a forge of each kind may deliver besides `/webhooks/<forgeId>`: the kind's own name, and OpenFaaS Cloud's paths. */
const aliases: Record<string, string[]> = {
  github: ['/webhooks/github', '/github-event'],
  gitlab: ['/webhooks/gitlab', '/gitlab-event'],
  gitea: ['/webhooks/gitea']
}

const statusOf: Record<RecordedDelivery['outcome'], number> = {
  queued: 202,
  accepted: 202,
  skipped: 200,
  ignored: 200,
  duplicate: 200,
  applied: 200,
  failed: 200
}

const messages: Record<RecordedDelivery['outcome'], string> = {
  queued: 'the build is queued',
  accepted: 'the event is recorded',
  skipped: 'skipped',
  ignored: 'ignored',
  duplicate: 'this delivery is known',
  applied: 'this delivery is known',
  failed: 'this delivery is known'
}

/** Verifies the bytes, parses, records, answers; does nothing more. */
export function createReceiver(deps: ReceiverDeps): FastifyInstance {
  const { logger, needs, metrics, sources, commits, limits, connectionLimit } = deps
  const app = createServer({
    logger,
    ...(needs === undefined ? {} : { needs }),
    ...(metrics === undefined ? {} : { metrics }),
    fastify: { requestTimeout: limits.timeoutMs + 5000, exposeHeadRoutes: false }
  })
  app.server.maxConnections = connectionLimit
  const bodies = createBodyReader(limits)

  // The signature covers the bytes as sent: nobody parses them before it is verified.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', (_request, _payload, done) => done(null))

  for (const source of sources) {
    const { forgeId, kind } = source.instance
    const paths = new Set([`/webhooks/${forgeId}`, ...(aliases[kind] ?? [])])
    for (const path of paths) {
      app.post(path, async (request, reply) => {
        if (request.headers['content-type'] === undefined) {
          throw new Failure(
            'unsupported-media-type',
            'webhooks are application/json: set the content type of the hook to it'
          )
        }
        const { bytes, release } = await bodies.read(request.raw)
        try {
          const received = await source.receive({ headers: request.headers, body: bytes })
          const recorded = await commits.record(forgeId, received)
          const { deliveryId, eventName } = received
          request.log.info(
            { forgeId, deliveryId, event: eventName, outcome: recorded.outcome, buildId: recorded.buildId },
            'delivery'
          )
          return await reply.code(statusOf[recorded.outcome]).send({
            code: recorded.outcome,
            message: recorded.reason ?? messages[recorded.outcome],
            ...(recorded.buildId === null ? {} : { buildId: recorded.buildId })
          })
        } finally {
          release()
        }
      })
    }
  }

  // A body that was refused half read cannot be followed by another request on the same connection.
  app.addHook('onError', async (request, reply, err) => {
    request.log.warn(
      { path: request.routeOptions.url, code: err instanceof Failure ? err.code : err.name, reason: err.message },
      'delivery refused'
    )
    if (!request.raw.complete) reply.header('connection', 'close')
  })
  return app
}
