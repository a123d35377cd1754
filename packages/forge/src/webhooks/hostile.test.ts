import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Delivery, decidePush, ForgeEvent, type PushEvent, type WebhookSource } from '@slipway/domain'
import * as fc from 'fast-check'
import Value from 'typebox/value'
import {
  examplesOf,
  failsWith,
  fromGitHub,
  fromGitLab,
  github,
  gitlab,
  plainToken,
  recorded,
  secret,
  sentAt,
  signingToken
} from './deliveries.fixture.ts'
import { createGitHubWebhooks } from './github.ts'
import { createGitLabWebhooks } from './gitlab.ts'

const hub = createGitHubWebhooks({ instance: github, secrets: [secret] })
const lab = createGitLabWebhooks({ instance: gitlab, signingToken, token: null, now: () => sentAt })
const plain = createGitLabWebhooks({ instance: gitlab, signingToken: null, token: plainToken, now: () => sentAt })

const push = examplesOf('push').find((body) => body.ref === 'refs/heads/master') as Record<string, unknown> & {
  repository: Record<string, unknown>
  head_commit: Record<string, unknown>
}
const text = JSON.stringify(push)

async function pushOf(body: unknown): Promise<PushEvent> {
  const { event } = await hub.receive(fromGitHub('push', body))
  assert.ok(event.kind === 'push')
  assert.ok(Value.Check(ForgeEvent, event))
  return event.push
}

const refused = (body: unknown) => assert.rejects(hub.receive(fromGitHub('push', body)), failsWith('invalid-payload'))

test('a body that is no JSON object is refused', async () => {
  for (const body of [
    'null',
    '[]',
    '1',
    '"push"',
    '{',
    `${text}}`,
    '\u0000',
    `\ufeff${text}x`,
    'payload=%7B%7D',
    'NaN'
  ]) {
    await refused(body)
  }
})

test('JSON nested a hundred thousand deep is read or refused, and nothing crashes', async () => {
  const arrays = '['.repeat(100_000) + ']'.repeat(100_000)
  const objects = '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)
  for (const nested of [arrays, objects, objects.replaceAll('"a"', '"__proto__"')]) {
    assert.equal((await pushOf(`${text.slice(0, -1)},"deep":${nested}}`)).ref, 'refs/heads/master')
    await refused(`${text.slice(0, -1)},"ref":${nested}}`)
  }
  await refused(arrays)
  await refused(objects)
  await refused('['.repeat(100_000))
})

test('__proto__ and constructor change no prototype and become no field', async () => {
  const evil = '{"polluted":true,"private":false,"id":99,"ref":"refs/heads/evil"}'
  const { repository, ...rest } = push
  const poisoned = [
    `${text.slice(0, -1)},"__proto__":${evil}}`,
    `${text.slice(0, -1)},"\\u005f_proto__":${evil}}`,
    `${text.slice(0, -1)},"constructor":{"prototype":${evil}}}`,
    text.replace('"repository":{', `"repository":{"__proto__":${evil},`)
  ]
  for (const body of poisoned) assert.deepEqual(await pushOf(body), await pushOf(text))
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
  // what is missing is not found in a prototype that the body brought along
  await refused(`${JSON.stringify(rest).slice(0, -1)},"__proto__":{"repository":${JSON.stringify(repository)}}}`)
})

test('of duplicate keys one is taken everywhere alike', async () => {
  assert.equal((await pushOf(`{"ref":"refs/heads/other",${text.slice(1)}`)).ref, 'refs/heads/master')
})

test('ids beyond 2^53, fractions, negative ones and texts are refused', async () => {
  for (const id of ['9007199254740993', '9007199254740992', '1e400', '1.5', '0', '-1', '"42"', 'null', '[42]']) {
    await refused(text.replace(`"repository":{"id":${String(push.repository.id)}`, `"repository":{"id":${id}`))
  }
  const largest = text.replace(
    `"repository":{"id":${String(push.repository.id)}`,
    '"repository":{"id":9007199254740991'
  )
  assert.equal((await pushOf(largest)).repository.forgeRepositoryId, '9007199254740991')
})

test('NUL, control characters and halves of a character are refused in names and refs, and made harmless in the message', async () => {
  for (const evil of ['\u0000', '\n', '\u001b[2J', '\ud800', '\udc00', '\u009f']) {
    await refused({ ...push, ref: `refs/heads/a${evil}b` })
    await refused({ ...push, repository: { ...push.repository, full_name: `a/b${evil}` } })
    await refused({ ...push, repository: { ...push.repository, default_branch: evil } })
    await refused({ ...push, sender: { id: 1, login: `x${evil}` } })
  }
  const { message } = await pushOf({ ...push, head_commit: { ...push.head_commit, message: 'a\u0000b\ud800c' } })
  assert.equal(message, 'a\ufffdb\ufffdc')
})

test('a message is cut to 1,000 characters and stays whole text where it is cut', async () => {
  const message = `${'x'.repeat(999)}😀${'y'.repeat(5_000_000)}`
  const cut = (await pushOf({ ...push, head_commit: { ...push.head_commit, message } })).message
  assert.ok(cut.length <= 1000 && cut.isWellFormed())
})

test('refs that git or a command line would stumble over are refused or ignored, never queued', async () => {
  const refs = [
    'refs/heads/-x',
    'refs/heads/a..b',
    '--upload-pack=touch /tmp/x',
    'refs/heads/a\nb',
    `refs/heads/${'x'.repeat(4096)}`,
    'refs/tags/v1',
    'refs/pull/1/head',
    'refs/heads/a b',
    'refs/heads/',
    'master',
    ''
  ]
  for (const ref of refs) {
    const outcome = await pushOf({ ...push, ref }).then(
      (event) => decidePush(event, null, ref.replace('refs/heads/', '')).outcome,
      (err: unknown) => (failsWith('invalid-payload')(err) ? 'refused' : 'crashed')
    )
    assert.ok(outcome === 'refused' || outcome === 'ignored', `${ref.slice(0, 30)}: ${outcome}`)
  }
})

test('names that climb are ignored', async () => {
  for (const name of ['../../etc/passwd', 'a/..', './b', 'a/b/../../c', 'a//b', 'a', 'a b/c', 'a/b?x', '-a/b']) {
    const outcome = await pushOf({ ...push, repository: { ...push.repository, full_name: name } }).then(
      (event) => decidePush(event, null, 'master').outcome,
      (err: unknown) => (failsWith('invalid-payload')(err) ? 'refused' : 'crashed')
    )
    assert.ok(outcome === 'refused' || outcome === 'ignored', `${name}: ${outcome}`)
  }
})

test('a commit of zeros is a deletion, a short or upper-case one is ignored, anything else is refused', async () => {
  assert.equal((await pushOf({ ...push, after: '0'.repeat(40) })).commit, null)
  for (const after of ['61137290', 'A'.repeat(40), '0'.repeat(39)]) {
    assert.equal(decidePush(await pushOf({ ...push, after }), null, 'master').outcome, 'ignored', after)
  }
  for (const after of ['', 'HEAD', `${'a'.repeat(40)}\n`, 'a'.repeat(65), '--exec', null, 7])
    await refused({ ...push, after })
})

test("the payload's own addresses and the commit's author have no effect", async () => {
  const evil = {
    ...push,
    repository: {
      ...push.repository,
      clone_url: 'ext::sh -c touch% /tmp/x',
      git_url: 'file:///etc',
      ssh_url: 'ssh://-oProxyCommand=x/',
      html_url: 'http://169.254.169.254/'
    },
    head_commit: { ...push.head_commit, author: { name: 'admin', email: 'admin@example.com', username: 'admin' } },
    pusher: { name: 'admin', email: 'admin@example.com' }
  }
  assert.deepEqual(await pushOf(evil), await pushOf(push))
})

const anyHeader = fc.oneof(
  fc.constant(undefined),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    'push',
    'Push Hook',
    'repository',
    `sha256=${'0'.repeat(64)}`,
    'v1,AAAA',
    String(sentAt / 1000),
    plainToken
  ),
  fc.array(fc.string())
)
const anyHeaders = fc.record({
  'x-github-event': anyHeader,
  'x-github-delivery': anyHeader,
  'x-hub-signature-256': anyHeader,
  'x-gitlab-event': anyHeader,
  'x-gitlab-token': anyHeader,
  'idempotency-key': anyHeader,
  'webhook-id': anyHeader,
  'webhook-timestamp': anyHeader,
  'webhook-signature': anyHeader
})

/** Reads it, or refuses it with a Failure of the two that a webhook may have. */
async function staysCalm(source: WebhookSource, delivery: Delivery): Promise<boolean> {
  try {
    const { event } = await source.receive(delivery)
    return Value.Check(ForgeEvent, event)
  } catch (err) {
    return failsWith('invalid-signature')(err) || failsWith('invalid-payload')(err)
  }
}

test('any headers over any bytes are refused with a Failure', async () => {
  const property = fc.asyncProperty(anyHeaders, fc.uint8Array({ maxLength: 300 }), async (headers, body) => {
    for (const source of [hub, lab, plain]) assert.ok(await staysCalm(source, { headers, body }))
  })
  await fc.assert(property, { numRuns: 500 })
})

test('any JSON that is rightly signed is read or refused with a Failure', async () => {
  const names = [...recorded.map(({ name }) => name), 'installation_target']
  const property = fc.asyncProperty(fc.constantFrom(...names), fc.json({ maxDepth: 4 }), async (name, body) => {
    assert.ok(await staysCalm(hub, fromGitHub(name, body)))
    assert.ok(await staysCalm(lab, fromGitLab('Push Hook', body)))
    assert.ok(await staysCalm(plain, fromGitLab('System Hook', body)))
  })
  await fc.assert(property, { numRuns: 500 })
})

/** Puts something else at one random place of a payload. */
function mutate(value: unknown, path: number[], instead: unknown): unknown {
  const [step, ...rest] = path
  if (typeof value !== 'object' || value === null || step === undefined) return instead
  const keys = Object.keys(value)
  const key = keys[step % Math.max(1, keys.length)]
  if (key === undefined) return instead
  const changed = mutate((value as Record<string, unknown>)[key], rest, instead)
  return Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed }
}

test('recorded events with anything put anywhere in them are read or refused with a Failure', async () => {
  const used = recorded.filter(({ name }) => /^(push|ping|installation.*|repository|check_run|check_suite)$/.test(name))
  const cases = used.flatMap(({ name, examples }) => examples.map((body) => ({ name, body })))
  const path = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 4 })
  const property = fc.asyncProperty(
    fc.constantFrom(...cases),
    path,
    fc.jsonValue(),
    async ({ name, body }, where, what) => {
      assert.ok(await staysCalm(hub, fromGitHub(name, mutate(body, where, what))))
    }
  )
  await fc.assert(property, { numRuns: 1000 })
})
