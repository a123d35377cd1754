import { Readable } from 'node:stream'
import type { InternalApi } from '@slipway/client'
import type { Functions } from './functions.ts'
import type { OpenFaasRoute } from './route.ts'
import { LogQuery } from './shapes.ts'

export interface LogRouteDeps {
  internal: Pick<InternalApi, 'logs'>
  functions: Pick<Functions, 'printing'>
}

interface Query {
  follow: string
  since?: string
  tail?: number
  instance?: string
}

/** What a function prints, one JSON object a line. */
export function logRoute({ internal, functions }: LogRouteDeps): OpenFaasRoute {
  return {
    method: 'GET',
    url: '/system/logs',
    summary: 'What the replicas of a function print, as ndjson',
    action: 'see-log',
    on: 'function',
    query: LogQuery,
    async answer({ owner, name, signal, request, reply }) {
      const { since, tail = 0, instance, ...query } = request.query as Query
      const follow = /^(1|t|true)$/i.test(query.follow)
      const { deploymentId, failure, at } = await functions.printing(owner, name, signal)
      const wanted = { follow, since: since === undefined ? null : Date.parse(since), tail: tail <= 0 ? null : tail }
      async function* lines() {
        if (deploymentId !== null) yield* internal.logs(deploymentId, wanted, signal)
        // What its replicas printed went with them, but for the end of it.
        for (const text of failure?.split('\n') ?? []) yield { at, instance: 'slipway', text }
      }
      async function* ndjson() {
        for await (const { at, instance: replica, text } of lines()) {
          if (instance !== undefined && replica !== instance) continue
          const timestamp = new Date(at).toISOString()
          yield `${JSON.stringify({ name, namespace: owner, instance: replica, timestamp, text })}\n`
        }
      }
      // The connection has told what it was made for once the stream ends.
      reply.header('connection', 'close').type('application/x-ndjson')
      return reply.send(Readable.from(ndjson()))
    }
  }
}
