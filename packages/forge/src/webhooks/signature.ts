import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { verify } from '@octokit/webhooks-methods'
import { type Delivery, Failure } from '@slipway/domain'
import { exactText, header } from './delivery.ts'

function refuse(why: string): Failure {
  return new Failure('invalid-signature', why)
}

/**
 * GitHub: `X-Hub-Signature-256` over the bytes. `X-Hub-Signature` (SHA-1) is never looked at.
 *
 * @returns the body as text. @throws Failure `invalid-signature`
 */
export async function verifyGitHub(delivery: Delivery, secrets: readonly string[]): Promise<string> {
  const signature = header(delivery, 'x-hub-signature-256')
  if (signature === null) throw refuse('X-Hub-Signature-256 is missing: set the secret of the webhook at GitHub')
  if (!/^sha256=[0-9a-f]{64}$/.test(signature)) throw refuse('X-Hub-Signature-256 is not a SHA-256 signature')
  // The library signs text. Bytes that are not UTF-8 would be changed on the way, and GitHub never sends such.
  const text = exactText(delivery.body)
  if (text === null || text === '') throw refuse('the body is not what GitHub signs')
  for (const secret of secrets) {
    if (await verify(secret, text, signature)) return text
  }
  throw refuse('the signature does not fit the body: is the secret the same here and at GitHub?')
}

/** Standard Webhooks: a delivery older or newer than this is refused. */
const toleranceMs = 5 * 60_000

/** The key of a `whsec_…` token. @throws Failure `invalid-configuration` */
export function signingKey(signingToken: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(signingToken)?.[1]
  const key = Buffer.from(encoded ?? '', 'base64')
  if (key.length < 16) {
    throw new Failure('invalid-configuration', "GitLab's signing token is not of the form whsec_<base64 of the key>")
  }
  return key
}

/**
 * GitLab with a signing token: Standard Webhooks (https://www.standardwebhooks.com). `webhook-id` and `webhook-timestamp` are on
 * every delivery and prove nothing; only `webhook-signature` does. Done here rather than by the `standardwebhooks`
 * package, which hashes in plain JavaScript and decodes the body before it verifies it.
 *
 * @throws Failure `invalid-signature`
 */
export function verifyStandardWebhook(delivery: Delivery, key: Buffer, now: number): void {
  const signatures = header(delivery, 'webhook-signature')
  if (signatures === null) {
    throw refuse('webhook-signature is missing: set the signing token of the hook at GitLab')
  }
  const id = header(delivery, 'webhook-id')
  const timestamp = header(delivery, 'webhook-timestamp')
  if (id === null || timestamp === null || !/^[0-9]{1,12}$/.test(timestamp)) {
    throw refuse('webhook-id or webhook-timestamp is missing or malformed')
  }
  if (Math.abs(now - Number(timestamp) * 1000) > toleranceMs) {
    throw refuse('the delivery was signed more than five minutes ago or in the future: is the clock right?')
  }
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(delivery.body).digest()
  // A forge that rotates its key sends one value for each. More than a handful is nobody's rotation.
  const given = signatures.split(' ', 16)
  const isSigned = given.some((one) => {
    const encoded = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(one)?.[1]
    return encoded !== undefined && timingSafeEqual(Buffer.from(encoded, 'base64'), expected)
  })
  if (!isSigned) throw refuse('the signature does not fit the body: is the signing token the same here and at GitLab?')
}

/** GitLab with a plain token: compared as digests, for these have one length and the comparison takes one time. @throws Failure `invalid-signature` */
export function verifyToken(delivery: Delivery, token: string): void {
  const given = header(delivery, 'x-gitlab-token')
  if (given === null) throw refuse('X-Gitlab-Token is missing: set the secret token of the hook at GitLab')
  if (!timingSafeEqual(digest(given), digest(token))) {
    throw refuse('X-Gitlab-Token is wrong: is the secret token the same here and at GitLab?')
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
