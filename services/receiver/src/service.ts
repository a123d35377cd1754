import type { Store } from '@slipway/domain'
import { createWebhookSources, webhookSettings } from '@slipway/forge'
import type { Signals } from '@slipway/queue'
import { commonSettings, createClosers, type Logger, type Running } from '@slipway/service'
import Type, { type Static } from 'typebox'
import { createReceiver } from './app.ts'
import { bodyLimits } from './body.ts'
import { createGroupCommit } from './group-commit.ts'

export const ReceiverConfig = Type.Object({
  ...commonSettings,
  ...webhookSettings,
  RECEIVER_HOST: Type.String({ default: '127.0.0.1' }),
  RECEIVER_PORT: Type.Integer({ default: 8081, minimum: 0, maximum: 65535 }),
  /** The production branch of every repository that does not say otherwise; unset: its default branch. */
  BUILD_BRANCH: Type.Optional(Type.String({ minLength: 1 }))
})
export type ReceiverConfig = Static<typeof ReceiverConfig>

export async function startReceiver(
  config: ReceiverConfig,
  {
    store,
    signals,
    logger
  }: { store: Pick<Store, 'deliveries' | 'ping'>; signals: Pick<Signals, 'send'>; logger: Logger }
): Promise<Running> {
  const closers = createClosers(logger)
  const commits = createGroupCommit(
    (batch) => store.deliveries.record(batch, config.BUILD_BRANCH ?? null, Date.now()),
    {
      batchLimit: 200,
      waitingLimit: 2000,
      timeoutMs: 800,
      notify: (outcomes) => {
        if (outcomes.has('queued')) signals.send('builds', {})
        if (outcomes.has('accepted')) signals.send('events', {})
      }
    }
  )
  const app = createReceiver({
    logger,
    needs: { store: () => store.ping() },
    sources: createWebhookSources(config),
    commits,
    limits: bodyLimits,
    connectionLimit: 2000
  })
  closers.add('receiver', () => app.close())
  const url = await app.listen({ host: config.RECEIVER_HOST, port: config.RECEIVER_PORT })
  return { url, close: () => closers.close() }
}
