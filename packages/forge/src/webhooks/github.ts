import { type Delivery, Failure, type ForgeInstance, type ReceivedDelivery, type WebhookSource } from '@slipway/domain'
import { deliveryIdOf, header, parseObject } from './delivery.ts'
import { createGitHubReader } from './github-events.ts'
import { verifyGitHub } from './signature.ts'

export interface GitHubWebhookConfig {
  instance: ForgeInstance
  /** The secret that GitHub signs with; while it is changed, the old and the new one. */
  secrets: string[]
}

/** @throws Failure `invalid-configuration` without a secret: unsigned deliveries are never accepted. */
export function createGitHubWebhooks({ instance, secrets }: GitHubWebhookConfig): WebhookSource {
  if (secrets.length === 0 || secrets.includes('')) {
    throw new Failure('invalid-configuration', `${instance.forgeId}: the webhook secret must be set`)
  }
  const readEvent = createGitHubReader()
  return {
    instance,
    async receive(delivery: Delivery): Promise<ReceivedDelivery> {
      const text = await verifyGitHub(delivery, secrets)
      const eventName = header(delivery, 'x-github-event')
      if (eventName === null || !/^[a-z0-9_]{1,64}$/.test(eventName)) {
        throw new Failure('invalid-payload', 'X-GitHub-Event is missing or not the name of an event')
      }
      const deliveryId = deliveryIdOf(delivery, 'x-github-delivery')
      return { deliveryId, eventName, event: readEvent(eventName, parseObject(text)) }
    }
  }
}
