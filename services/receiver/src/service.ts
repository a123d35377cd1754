import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '@slipway/domain'
import { createWebhookSources, webhookSettings } from '@slipway/forge'
import type { Signals } from '@slipway/queue'
import { closeListener, commonSettings, createClosers, type Logger, type Running } from '@slipway/service'
import Type, { type Static } from 'typebox'
import { createReceiver } from './app.ts'
import { bodyLimits } from './body.ts'
import { createGroupCommit } from './group-commit.ts'

export const ReceiverConfig = Type.Object({
  ...commonSettings,
  ...webhookSettings,
  RECEIVER_HOST: Type.String({ default: '127.0.0.1' }),
  RECEIVER_PORT: Type.Integer({ default: 8081, minimum: 0, maximum: 65535 }),
  /** Several receivers share the port: a new one takes over from an old one without a gap. */
  RECEIVER_REUSE_PORT: Type.Boolean({ default: false }),
  /** The production branch of every repository that does not say otherwise; unset: its default branch. */
  BUILD_BRANCH: Type.Optional(Type.String({ minLength: 1 }))
})
export type ReceiverConfig = Static<typeof ReceiverConfig>

/** How long answers tell that their connections end before a stop, where another receiver goes on. */
const announceMs = 400

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
  let isStopping = false
  app.addHook('onSend', async (_request, reply) => {
    if (isStopping) reply.header('connection', 'close')
  })
  closers.add('receiver', async () => {
    // Forges that hold a connection learn first that it ends, so that none delivers into a closed one.
    isStopping = true
    if (config.RECEIVER_REUSE_PORT) await sleep(announceMs)
    await closeListener(app.server)
    await app.close()
  })
  const { RECEIVER_HOST: host, RECEIVER_PORT: port, RECEIVER_REUSE_PORT: reusePort } = config
  const url = await app.listen({ host, port, ...(reusePort ? { reusePort } : {}) })
  return { url, close: () => closers.close() }
}
