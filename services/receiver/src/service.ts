import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '@slipway/domain'
import { createWebhookSources, forgeInstances, webhookSettings } from '@slipway/forge'
import type { Signals } from '@slipway/queue'
import { keyringOf } from '@slipway/secrets'
import {
  closeListener,
  commonSettings,
  createClosers,
  createPresence,
  homePaths,
  type Logger,
  letConnectionsMove,
  listenOn,
  type Running,
  waitSettings,
  webhookKeySettings
} from '@slipway/service'
import Type, { type Static } from 'typebox'
import { createReceiver } from './app.ts'
import { bodyLimits } from './body.ts'
import { createGroupCommit } from './group-commit.ts'
import { createKeptSource } from './kept-source.ts'

export const ReceiverConfig = Type.Object({
  ...commonSettings,
  ...waitSettings,
  ...webhookSettings,
  ...webhookKeySettings,
  RECEIVER_HOST: Type.String({ default: '127.0.0.1', description: 'Where webhooks arrive.' }),
  RECEIVER_PORT: Type.Integer({
    default: 8081,
    minimum: 0,
    maximum: 65535,
    description: '`slipway up` chooses one once and keeps it.'
  }),
  RECEIVER_REUSE_PORT: Type.Boolean({
    default: false,
    description: 'Several receivers share the port: a new one takes over from an old one without a gap.'
  }),
  BUILD_BRANCH: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'The production branch of every repository that does not say otherwise; unset: its default branch.'
    })
  )
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
  }: {
    store: Pick<Store, 'deliveries' | 'forgeApps' | 'services' | 'ping'>
    signals: Pick<Signals, 'send' | 'listen'>
    logger: Logger
  }
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
  const sources = createWebhookSources(config)
  const known = new Set(sources.map((source) => source.instance.forgeId))
  for (const instance of forgeInstances(config).filter(({ forgeId }) => !known.has(forgeId))) {
    const file = homePaths(config.SLIPWAY_HOME).webhookKeys
    const keyring = keyringOf({ keys: config.WEBHOOK_KEYS ?? null, setting: 'WEBHOOK_KEYS', file })
    const monotonicNow = () => performance.now()
    const kept = createKeptSource({ instance, store, keyring, now: Date.now, monotonicNow, logger })
    closers.add('kept secrets', () => kept.close())
    const stop = signals.listen('forges', () => kept.wake())
    closers.add('hearing of forges', async () => stop())
    sources.push(kept)
  }
  const app = createReceiver({
    logger,
    needs: { store: () => store.ping() },
    sources,
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
  if (reusePort) await letConnectionsMove(logger)
  const listening = listenOn(app, { host, port, ...(reusePort ? { reusePort } : {}) }, 'RECEIVER_PORT')
  const url = await listening.catch(async (err: unknown) => {
    await closers.close()
    throw err
  })
  const id = `receiver-${randomUUID()}`
  const presence = createPresence({ services: store.services, kind: 'receiver', id, now: Date.now, logger })
  closers.add('presence', () => presence.close())
  return { url, close: () => closers.close() }
}
