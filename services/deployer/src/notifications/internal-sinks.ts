import { randomBytes, randomUUID } from 'node:crypto'
import { internalPaths } from '@slipway/client'
import { notificationTopics, type Sink, type Store } from '@slipway/domain'
import type { Encryption } from '@slipway/secrets'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { sinkIdentity } from '../secrets/holdings.ts'
import { parseTarget, type SinkAddress } from './send.ts'

export interface InternalSinksDeps {
  store: Pick<Store, 'notifications'>
  encryption: Pick<Encryption, 'encrypt'>
  isLoopbackAllowed: boolean
  now: () => number
}

const Body = Type.Object({
  /** Left out: the administrators'. */
  ownerId: Type.Optional(Type.String()),
  kind: Type.Enum(['webhook', 'slack']),
  url: Type.String({ maxLength: 2000 }),
  topics: Type.Array(Type.Enum([...notificationTopics])),
  by: Type.String()
})

/** Adding where to tell: `deployer` alone holds the key that addresses and secrets are encrypted with. */
export function addSinkRoutes(app: FastifyInstance, deps: InternalSinksDeps): void {
  const { store, encryption, isLoopbackAllowed, now } = deps
  app.post<{ Body: Static<typeof Body> }>(internalPaths.sinks, { schema: { body: Body } }, async ({ body }) => {
    const { ownerId = null, kind, topics, by } = body
    const url = parseTarget(body.url, isLoopbackAllowed)
    const secret = kind === 'webhook' ? `whsec_${randomBytes(32).toString('base64')}` : null
    const sink: Sink = { id: randomUUID(), ownerId, kind, host: url.host, topics, createdBy: by, createdAt: now() }
    const address: SinkAddress = { url: url.href, secret }
    const encrypted = await encryption.encrypt(Buffer.from(JSON.stringify(address)), sinkIdentity(sink))
    await store.notifications.addSink({ ...sink, ...encrypted })
    return { sink, secret }
  })
}
