import { Readable } from 'node:stream'
import type { InternalApi } from '@slipway/client'
import type { Functions } from './functions.ts'
import type { OpenFaasRoute } from './route.ts'
import { LogQuery } from './shapes.ts'

export interface LogRouteDeps {
  internal: Pick<InternalApi, 'logs'>
  functions: Pick<Functions, 'known'>
}

interface Query {
  follow: boolean
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
      const { follow, since, tail = -1, instance } = request.query as Query
      const { deployment } = await functions.known(owner, name)
      const wanted = { follow, since: since === undefined ? null : Date.parse(since), tail: tail < 0 ? null : tail }
      async function* ndjson() {
        for await (const line of internal.logs(deployment.id, wanted, signal)) {
          if (instance !== undefined && line.instance !== instance) continue
          const { at, text } = line
          const timestamp = new Date(at).toISOString()
          yield `${JSON.stringify({ name, namespace: owner, instance: line.instance, timestamp, text })}\n`
        }
      }
      // The connection has told what it was made for once the stream ends.
      reply.header('connection', 'close').type('application/x-ndjson')
      return reply.send(Readable.from(ndjson()))
    }
  }
}
