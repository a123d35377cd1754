import { type Delivery, Failure, type ForgeInstance, type ReceivedDelivery, type WebhookSource } from '@slipway/domain'
import { deliveryIdOf, exactText, header, parseObject } from './delivery.ts'
import { createGitLabReader } from './gitlab-events.ts'
import { signingKey, verifyStandardWebhook, verifyToken } from './signature.ts'

export interface GitLabWebhookConfig {
  instance: ForgeInstance
  /** `whsec_…`. When it is set only signed deliveries are accepted: the plain token is never fallen back to. */
  signingToken: string | null
  /** Of hooks of a GitLab that does not sign yet. */
  token: string | null
  now: () => number
}

/** @throws Failure `invalid-configuration` when neither token is set. */
export function createGitLabWebhooks({ instance, signingToken, token, now }: GitLabWebhookConfig): WebhookSource {
  const key = signingToken === null ? null : signingKey(signingToken)
  if (key === null && (token === null || token === '')) {
    throw new Failure(
      'invalid-configuration',
      `${instance.forgeId}: the signing token or the token of the hook must be set`
    )
  }
  const readEvent = createGitLabReader()
  return {
    instance,
    async receive(delivery: Delivery): Promise<ReceivedDelivery> {
      if (key === null) verifyToken(delivery, token ?? '')
      else verifyStandardWebhook(delivery, key, now())
      const eventName = header(delivery, 'x-gitlab-event')
      if (eventName === null || !/^[A-Z][A-Za-z ]{0,63}$/.test(eventName)) {
        throw new Failure('invalid-payload', 'X-Gitlab-Event is missing or not the name of an event')
      }
      // Both name the same id, one per hook and event, kept when GitLab tries again; `webhook-id` is the one that is signed.
      // X-Gitlab-Event-UUID is no such id: a push made in answer to a hook carries that of the first.
      const deliveryId =
        key === null
          ? (deliveryIdOf(delivery, 'idempotency-key') ?? deliveryIdOf(delivery, 'webhook-id'))
          : deliveryIdOf(delivery, 'webhook-id')
      const text = exactText(delivery.body)
      if (text === null) throw new Failure('invalid-payload', 'the body is not UTF-8')
      return { deliveryId, eventName, event: readEvent(eventName, parseObject(text)) }
    }
  }
}
