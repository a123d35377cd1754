import { randomUUID } from 'node:crypto'
import { Failure } from '@slipway/domain'
import type { Logger } from '@slipway/service'
import type { StateFile, Webhook } from './state.ts'

/** What is to be told, before it is signed for a hook. */
export interface DeliveryContent {
  /** GitHub: `push`; GitLab: `Push Hook`. */
  event: string
  action: string | null
  /** GitLab: which of a hook's events it is, `push_events`. */
  trigger?: string
  /** null: about no single repository. */
  repositoryId: number | null
  repositoryName: string | null
  body: unknown
}

/** One POST to a webhook and what came of it. */
export interface LocalDelivery {
  id: number
  /** The id that the receiver sees; a redelivery carries it again. */
  deliveryId: string
  webhookId: number
  event: string
  action: string | null
  repositoryId: number | null
  repositoryName: string | null
  url: string
  at: number
  isRedelivery: boolean
  requestHeaders: Record<string, string>
  /** The bytes as they were signed; null once they were let go to bound the memory. */
  body: string | null
  status: 'pending' | 'delivered' | 'failed'
  /** null until there is an answer. */
  responseStatus: number | null
  /** The first 4 KiB. */
  responseBody: string | null
  /** Why there was no answer. */
  error: string | null
  durationMs: number | null
}

/** The headers of one delivery: names, ids and the signature over exactly these bytes. */
export type SignDelivery = (
  webhook: Webhook,
  delivery: { deliveryId: string; event: string; body: string; at: number }
) => Record<string, string>

/** What becomes of deliveries: they are sent; they are recorded, but never arrive; there is not even a record of them. */
export type Loss = 'none' | 'fail' | 'lose'

export interface Deliveries {
  /** Sends to every hook that listens, and returns at once: nothing that a receiver does can hold up a push. */
  send(content: DeliveryContent, only?: Webhook): LocalDelivery[]
  /** @throws Failure `not-found` when it is unknown or its body was let go. */
  redeliver(id: number): Promise<LocalDelivery>
  setLoss(loss: Loss): void
  /** Oldest first. */
  all(): LocalDelivery[]
  /** Resolves when nothing is on its way. */
  settled(): Promise<void>
  close(): Promise<void>
}

export interface DeliveriesDeps {
  state: StateFile
  sign: SignDelivery
  now: () => number
  logger: Logger
}

const answerTimeoutMs = 10_000
const deliveriesKept = 500
const bodiesKeptBytes = 32 * 1024 * 1024
/** GitHub does not deliver more than this. */
const bodyLimitBytes = 25 * 1024 * 1024
const responseKeptBytes = 4096

export function createDeliveries({ state, sign, now, logger }: DeliveriesDeps): Deliveries {
  let kept: LocalDelivery[] = []
  const underWay = new Map<LocalDelivery, Promise<void>>()
  const closing = new AbortController()
  let loss: Loss = 'none'

  function begin(
    webhook: Webhook,
    content: Omit<DeliveryContent, 'body'>,
    body: string,
    former: string | null
  ): LocalDelivery {
    const at = now()
    const deliveryId = former ?? randomUUID()
    const delivery: LocalDelivery = {
      id: state.nextId(),
      deliveryId,
      webhookId: webhook.id,
      event: content.event,
      action: content.action,
      repositoryId: content.repositoryId,
      repositoryName: content.repositoryName,
      url: webhook.url,
      at,
      isRedelivery: former !== null,
      requestHeaders: sign(webhook, { deliveryId, event: content.event, body, at }),
      body,
      status: 'pending',
      responseStatus: null,
      responseBody: null,
      error: null,
      durationMs: null
    }
    kept.push(delivery)
    kept = withinBounds(kept)
    underWay.set(
      delivery,
      deliver(delivery, body).finally(() => underWay.delete(delivery))
    )
    return delivery
  }

  async function deliver(delivery: LocalDelivery, body: string): Promise<void> {
    const startedAt = performance.now()
    try {
      if (loss === 'fail' && !delivery.isRedelivery) throw new Error('failed to connect to host')
      if (Buffer.byteLength(body) > bodyLimitBytes) {
        throw new Failure('limit-exceeded', 'the payload is larger than 25 MiB: no forge delivers it')
      }
      const response = await fetch(delivery.url, {
        method: 'POST',
        headers: delivery.requestHeaders,
        body,
        redirect: 'manual',
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(answerTimeoutMs)])
      })
      delivery.responseStatus = response.status
      delivery.responseBody = await readStart(response)
      delivery.status = response.ok ? 'delivered' : 'failed'
    } catch (err) {
      // A receiver that is away is an everyday thing for a forge: the record tells it, and nobody tries again.
      delivery.status = 'failed'
      delivery.error = describeFetchError(err)
    }
    delivery.durationMs = Math.round(performance.now() - startedAt)
    const { deliveryId, event, status, responseStatus, error, durationMs } = delivery
    logger.info({ deliveryId, event, status, responseStatus, error, durationMs }, 'webhook sent')
  }

  return {
    send(content, only) {
      if (loss === 'lose') return []
      const body = JSON.stringify(content.body)
      const { webhooks } = state.data
      return webhooks
        .filter((webhook) => (only === undefined ? listensTo(webhook, content) : webhook.id === only.id))
        .map((webhook) => begin(webhook, content, body, null))
    },
    async redeliver(id) {
      const former = kept.find((delivery) => delivery.id === id)
      if (former?.body == null) throw new Failure('not-found', `there is no delivery ${id} that could be sent again`)
      const webhook = state.data.webhooks.find((candidate) => candidate.id === former.webhookId)
      if (webhook === undefined) throw new Failure('not-found', `the webhook of delivery ${id} was removed`)
      const delivery = begin(webhook, former, former.body, former.deliveryId)
      await underWay.get(delivery)
      return delivery
    },
    setLoss(wanted) {
      loss = wanted
    },
    all: () => [...kept],
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay.values())
    },
    async close() {
      closing.abort()
      await Promise.all(underWay.values())
    }
  }
}

function listensTo(webhook: Webhook, content: DeliveryContent): boolean {
  if (webhook.isActive === false) return false
  if (webhook.triggers !== undefined && !webhook.triggers.includes(content.trigger ?? '')) return false
  return webhook.repositoryId === null || webhook.repositoryId === content.repositoryId
}

/** The newest deliveries, and the bodies of the newest of them. */
function withinBounds(deliveries: LocalDelivery[]): LocalDelivery[] {
  const newest = deliveries.slice(-deliveriesKept)
  let bytes = 0
  for (const delivery of newest.toReversed()) {
    bytes += delivery.body?.length ?? 0
    if (bytes > bodiesKeptBytes) delivery.body = null
  }
  return newest
}

function describeFetchError(err: unknown): string {
  if (!(err instanceof Error)) return String(err)
  if (err.name === 'TimeoutError') return `no answer within ${answerTimeoutMs / 1000} s`
  return err.cause instanceof Error ? err.cause.message || err.cause.name : err.message
}

async function readStart(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    bytes += chunk.length
    // Leaving the loop ends the transfer.
    if (bytes >= responseKeptBytes) break
  }
  return Buffer.concat(chunks).subarray(0, responseKeptBytes).toString()
}
