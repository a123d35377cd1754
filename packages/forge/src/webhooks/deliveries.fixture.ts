import { createHmac } from 'node:crypto'
import { createRequire } from 'node:module'
import type { Delivery, Failure, FailureCode, ForgeInstance } from '@slipway/domain'

/** What the webhook tests share: recorded payloads, and deliveries signed as the forges sign them. */

const require = createRequire(import.meta.url)

interface Example {
  name: string
  examples: Record<string, unknown>[]
}

/** Every payload that GitHub's Octokit team recorded. */
export const recorded = require('@octokit/webhooks-examples') as Example[]

export function examplesOf(name: string): Record<string, unknown>[] {
  const found = recorded.find((example) => example.name === name)
  if (found === undefined) throw new Error(`no recorded ${name}`)
  return found.examples
}

export const github: ForgeInstance = {
  forgeId: 'github',
  kind: 'github',
  baseUrl: 'https://github.com',
  apiUrl: 'https://api.github.com'
}
export const gitlab: ForgeInstance = {
  forgeId: 'gitlab',
  kind: 'gitlab',
  baseUrl: 'https://gitlab.example.com',
  apiUrl: 'https://gitlab.example.com/api/v4'
}

export const secret = 'a secret of sixteen or more characters'
export const deliveryId = '72d3162e-cc78-11e3-81ab-4c9367dc0958'

export function bytes(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

/** As GitHub would deliver it. */
export function fromGitHub(event: string, body: unknown, headers: Delivery['headers'] = {}): Delivery {
  const signature = `sha256=${createHmac('sha256', secret).update(bytes(body)).digest('hex')}`
  return {
    headers: { 'x-github-event': event, 'x-github-delivery': deliveryId, 'x-hub-signature-256': signature, ...headers },
    body: bytes(body)
  }
}

export const signingToken = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
export const plainToken = 'the plain token of the hook'
/** When the deliveries of these tests are sent. */
export const sentAt = Date.UTC(2026, 0, 2, 3, 4, 5)

export function standardSignature(body: unknown, { id = deliveryId, at = sentAt, key = signingToken } = {}): string {
  const hmac = createHmac('sha256', Buffer.from(key.slice('whsec_'.length), 'base64'))
  return `v1,${hmac
    .update(`${id}.${at / 1000}.`)
    .update(bytes(body))
    .digest('base64')}`
}

/** As GitLab would deliver it: with the plain token and a signature, as a hook that has both set. */
export function fromGitLab(event: string, body: unknown, headers: Delivery['headers'] = {}): Delivery {
  return {
    headers: {
      'x-gitlab-event': event,
      'x-gitlab-event-uuid': 'c0ffee00-0000-4000-8000-000000000000',
      'idempotency-key': deliveryId,
      'webhook-id': deliveryId,
      'webhook-timestamp': String(sentAt / 1000),
      'webhook-signature': standardSignature(body),
      'x-gitlab-token': plainToken,
      ...headers
    },
    body: bytes(body)
  }
}

export function failsWith(code: FailureCode, says?: RegExp) {
  return (err: unknown) => {
    const { name, code: given, message } = err as Failure
    return name === 'Failure' && given === code && (says === undefined || says.test(message))
  }
}
