import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import fc from 'fast-check'

/** One POST to the receiver, and whether its bytes were signed with the right secret. */
export interface WebhookCase {
  path: string
  headers: Record<string, string>
  body: Buffer
  isSigned: boolean
}

export interface Secrets {
  github: string
  /** `whsec_…` */
  gitlab: string
}

const recorded = createRequire(import.meta.url)('@octokit/webhooks-examples') as { name: string; examples: object[] }[]
const documented = JSON.parse(
  readFileSync(new URL('../../packages/forge/src/webhooks/fixtures/gitlab-events.json', import.meta.url), 'utf8')
) as Record<string, { header: string; body: object }>

interface Content {
  forge: 'github' | 'gitlab'
  event: string
  body: Buffer
}

const used = /^(push|ping|installation|installation_repositories|repository|check_run|check_suite|create|delete)$/
const fromGitHub = recorded
  .filter(({ name }) => used.test(name))
  .flatMap(({ name, examples }) => examples.map((body) => ({ forge: 'github' as const, event: name, body })))
const fromGitLab = Object.values(documented)
  .filter((entry) => typeof entry === 'object' && 'header' in entry)
  .map(({ header, body }) => ({ forge: 'gitlab' as const, event: header, body }))

const sample = fc.constantFrom(...fromGitHub, ...fromGitLab)
const anyEvent = fc.constantFrom(...new Set([...fromGitHub, ...fromGitLab].map(({ event }) => event)), 'nothing', '')

/** What a field of a payload is replaced by. */
const anyValue = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    'refs/heads/-x',
    'refs/heads/a..b',
    '--upload-pack=x',
    'refs/heads/a\nb',
    '../../etc',
    '\0',
    '\ud800'
  ),
  fc.constantFrom(2 ** 53, -1, 1e308, 0.5, ''),
  fc.string({ maxLength: 5000, unit: 'binary' })
)

/** Puts something else at one place of a payload. */
function replaceAt(value: unknown, path: number[], instead: unknown): unknown {
  const [step, ...rest] = path
  if (typeof value !== 'object' || value === null || step === undefined) return instead
  const keys = Object.keys(value)
  const key = keys[step % Math.max(1, keys.length)]
  if (key === undefined) return instead
  const changed = replaceAt((value as Record<string, unknown>)[key], rest, instead)
  return Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed }
}

function changeBytes(text: string, changes: { at: number; with: Uint8Array; drop: number }[]): Buffer {
  let bytes = Buffer.from(text)
  for (const { at, with: inserted, drop } of changes) {
    const start = Math.floor(at * bytes.length)
    bytes = Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + drop)])
  }
  return bytes
}

const place = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 5 })
const recordedContent = sample.map((one) => ({ ...one, body: Buffer.from(JSON.stringify(one.body)) }))
const mutatedContent = fc
  .tuple(sample, fc.array(fc.tuple(place, anyValue), { minLength: 1, maxLength: 3 }))
  .map(([one, changes]) => {
    const body = changes.reduce<unknown>((changed, [path, value]) => replaceAt(changed, path, value), one.body)
    return { ...one, body: Buffer.from(JSON.stringify(body)) }
  })
const brokenContent = fc
  .tuple(
    sample,
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 0.999, noNaN: true }),
        with: fc.uint8Array({ maxLength: 20 }),
        drop: fc.nat({ max: 50 })
      }),
      { minLength: 1, maxLength: 4 }
    )
  )
  .map(([one, changes]) => ({ ...one, body: changeBytes(JSON.stringify(one.body), changes) }))
const madeUpContent = fc.record({
  forge: fc.constantFrom('github' as const, 'gitlab' as const),
  event: anyEvent,
  body: fc.oneof(
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
    fc.json({ maxDepth: 5 }).map((text) => Buffer.from(text)),
    fc.nat({ max: 20_000 }).map((depth) => Buffer.from('['.repeat(depth) + ']'.repeat(depth)))
  )
})

const anyContent: fc.Arbitrary<Content> = fc.oneof(
  { weight: 3, arbitrary: recordedContent },
  { weight: 4, arbitrary: mutatedContent },
  { weight: 2, arbitrary: brokenContent },
  { weight: 1, arbitrary: madeUpContent }
)

type Signing = 'right' | 'none' | 'wrong-secret' | 'other-bytes' | 'sha1' | 'malformed' | 'upper-case'

const anySigning = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Signing>('right') },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Signing>('none', 'wrong-secret', 'other-bytes', 'sha1', 'malformed', 'upper-case')
  }
)

const anyHeader = fc.oneof(
  fc.string({ maxLength: 60 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, '?')),
  fc.constantFrom('application/json', 'text/plain', 'application/x-www-form-urlencoded', 'gzip', 'chunked, gzip', '*/*')
)
const moreHeaders = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Record<string, string>>({}) },
  {
    weight: 1,
    arbitrary: fc.dictionary(
      fc.constantFrom('content-type', 'content-encoding', 'x-github-event', 'x-gitlab-event', 'user-agent', 'accept'),
      anyHeader,
      { maxKeys: 3 }
    )
  }
)

const anyPath = fc.oneof(
  { weight: 12, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('/webhooks/nobody', '/', '/webhooks/github/', '/webhooks/%2e%2e/github', '//')
  }
)

function signGitHub(body: Buffer, signing: Signing, secret: string): Record<string, string> {
  const hmac = (key: string, bytes: Buffer, kind = 'sha256') => createHmac(kind, key).update(bytes).digest('hex')
  const header = (value: string) => ({ 'x-hub-signature-256': value })
  switch (signing) {
    case 'right':
      return header(`sha256=${hmac(secret, body)}`)
    case 'none':
      return {}
    case 'wrong-secret':
      return header(`sha256=${hmac(`${secret}!`, body)}`)
    case 'other-bytes':
      return header(`sha256=${hmac(secret, Buffer.concat([body, Buffer.from('\n')]))}`)
    case 'sha1':
      return { 'x-hub-signature': `sha1=${hmac(secret, body, 'sha1')}` }
    case 'malformed':
      return header(`sha256=${hmac(secret, body).slice(1)}`)
    case 'upper-case':
      return header(`sha256=${hmac(secret, body).toUpperCase()}`)
  }
}

function signGitLab(id: string, body: Buffer, signing: Signing, token: string, at: number): Record<string, string> {
  const key = Buffer.from(token.slice('whsec_'.length), 'base64')
  const sign = (bytes: Buffer, signed = key) =>
    createHmac('sha256', signed).update(`${id}.${at}.`).update(bytes).digest('base64')
  const base = { 'webhook-id': id, 'webhook-timestamp': String(at) }
  switch (signing) {
    case 'right':
      return { ...base, 'webhook-signature': `v1,${sign(body)}` }
    case 'none':
      return base
    case 'wrong-secret':
      return { ...base, 'webhook-signature': `v1,${sign(body, Buffer.alloc(32, 1))}` }
    case 'other-bytes':
      return { ...base, 'webhook-signature': `v1,${sign(Buffer.concat([body, Buffer.from(' ')]))}` }
    case 'sha1':
      return { ...base, 'webhook-signature': `v1a,${sign(body)}`, 'x-gitlab-token': token }
    case 'malformed':
      return { ...base, 'webhook-signature': sign(body) }
    case 'upper-case':
      return { ...base, 'webhook-signature': `V1,${sign(body)}` }
  }
}

/** Deliveries of both forges: as recorded, changed, broken or made up, rightly signed or not. The `at` is that of the GitLab signature, in seconds. */
export function webhookCases(secrets: Secrets, seed: number, from: number, count: number, at: number): WebhookCase[] {
  const drawn = fc.sample(fc.tuple(anyContent, anySigning, moreHeaders, anyPath), { seed: seed + from, numRuns: count })
  return drawn.map(([{ forge, event, body }, signing, more, path], i) => {
    const isSigned = signing === 'right' && body.length > 0
    // So that the store tells which of them it holds.
    const id = `${isSigned ? 'signed' : 'unsigned'}-${from + i}`
    const headers =
      forge === 'github'
        ? { 'x-github-event': event, 'x-github-delivery': id, ...signGitHub(body, signing, secrets.github) }
        : { 'x-gitlab-event': event, 'idempotency-key': id, ...signGitLab(id, body, signing, secrets.gitlab, at) }
    return {
      path: path ?? `/webhooks/${forge}`,
      headers: { 'content-type': 'application/json', ...headers, ...more },
      body,
      isSigned
    }
  })
}
