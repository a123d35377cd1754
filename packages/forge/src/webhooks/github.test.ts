import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { type Delivery, ForgeEvent, type PushEvent } from '@slipway/domain'
import Value from 'typebox/value'
import { deliveryId, examplesOf, failsWith, fromGitHub, github, recorded, secret } from './deliveries.fixture.ts'
import { createGitHubWebhooks } from './github.ts'

const source = createGitHubWebhooks({ instance: github, secrets: [secret] })
const receive = (delivery: Delivery) => source.receive(delivery)

async function eventOf(name: string, body: unknown) {
  const { event } = await receive(fromGitHub(name, body))
  assert.ok(Value.Check(ForgeEvent, event), JSON.stringify(event))
  return event
}

async function pushOf(body: unknown): Promise<PushEvent> {
  const event = await eventOf('push', body)
  assert.ok(event.kind === 'push')
  return event.push
}

const used = ['push', 'ping', 'installation', 'installation_repositories', 'repository', 'check_run', 'check_suite']

test('every recorded push is read', async () => {
  for (const body of examplesOf('push')) {
    const push = await pushOf(body)
    assert.equal(push.ref, body.ref)
    assert.equal(push.repository.fullName, 'Codertocat/Hello-World')
    assert.deepEqual(push.repository.owner, { forgeOwnerId: '21031067', login: 'Codertocat' })
    assert.deepEqual(push.sender, { forgeUserId: '21031067', login: 'Codertocat' })
    assert.equal(push.commit, body.deleted === true ? null : body.after)
    assert.equal(push.before, body.created === true ? null : body.before)
    const { head_commit: head } = body as { head_commit: { message: string } | null }
    assert.equal(push.message, head?.message ?? '')
  }
})

test('a push of a GitHub App names its installation', async () => {
  const installed = examplesOf('push').filter((body) => body.installation !== undefined)
  assert.ok(installed.length > 0)
  for (const body of installed) assert.equal((await pushOf(body)).repository.installationId, '1')
})

test('every recorded event, used or not, is read without a failure', async () => {
  for (const { name, examples } of recorded) {
    for (const body of examples) {
      const event = await eventOf(name, body)
      if (!used.includes(name)) assert.equal(event.kind, 'ignored', name)
    }
  }
})

test('installations, their repositories and their suspension are told apart', async () => {
  const actions = []
  for (const body of examplesOf('installation')) {
    const event = await eventOf('installation', body)
    assert.ok(event.kind === 'installation')
    assert.match(event.installationId, /^[0-9]+$/)
    actions.push(event.action)
  }
  assert.deepEqual(
    new Set(actions),
    new Set(['created', 'deleted', 'suspended', 'unsuspended', 'permissions-accepted'])
  )
  for (const body of examplesOf('installation_repositories')) {
    const event = await eventOf('installation_repositories', body)
    assert.ok(event.kind === 'installation' && event.action === 'repositories-changed')
    assert.ok(event.forgeRepositoryIds.length > 0)
  }
})

test('a renamed account is an owner with a new login', async () => {
  const body = {
    action: 'renamed',
    account: { id: 7, login: 'new-name', type: 'Organization' },
    changes: { login: { from: 'old-name' } },
    target_type: 'Organization',
    installation: { id: 9, node_id: 'x' },
    sender: { id: 7, login: 'new-name' }
  }
  assert.deepEqual(await eventOf('installation_target', body), {
    kind: 'owner-renamed',
    owner: { forgeOwnerId: '7', login: 'new-name' }
  })
})

test('a repository that changes in a way that matters is told, a new description is ignored', async () => {
  const told = new Set<string>()
  for (const body of examplesOf('repository')) {
    const event = await eventOf('repository', body)
    const { changes = {} } = body as { changes?: object }
    if (body.action === 'created' || 'description' in changes) assert.equal(event.kind, 'ignored')
    else assert.equal(event.kind, 'repository-changed')
    if (event.kind === 'repository-changed') told.add(event.action)
  }
  assert.deepEqual(told, new Set(['publicized', 'edited', 'privatized', 'renamed', 'transferred']))
})

test('a re-requested check names the commit and the context, a suite the commit alone', async () => {
  const run = examplesOf('check_run').find((body) => body.action === 'rerequested')
  const event = await eventOf('check_run', run)
  assert.ok(event.kind === 'rerequest')
  assert.deepEqual(event.sender, { forgeUserId: '5346', login: 'octocat' })
  assert.match(event.commit, /^[0-9a-f]{40}$/)
  assert.equal(event.context, 'randscape')
  const suite = examplesOf('check_suite').find((body) => body.action === 'rerequested')
  const whole = await eventOf('check_suite', suite)
  assert.ok(whole.kind === 'rerequest' && whole.context === null)
})

test('a ping is a ping', async () => {
  for (const body of examplesOf('ping')) assert.deepEqual(await eventOf('ping', body), { kind: 'ping' })
})

test("an event's body under another event's name is refused, or at most ignored", async () => {
  for (const { name, examples } of recorded) {
    for (const other of [...used, 'installation_target'].filter((one) => one !== name)) {
      for (const body of examples) {
        const outcome = await eventOf(other, body).then(
          (event) => event.kind,
          (err: unknown) => (failsWith('invalid-payload')(err) ? 'refused' : 'crashed')
        )
        assert.ok(outcome === 'refused' || outcome === 'ignored', `${name} as ${other}: ${outcome}`)
      }
    }
  }
})

test('a push under a name that is not used is refused: it would use up the delivery id', async () => {
  const [push] = examplesOf('push')
  await assert.rejects(receive(fromGitHub('star', push)), failsWith('invalid-payload'))
})

test("GitHub's published vector verifies, and with one byte more it does not", async () => {
  const vector = createGitHubWebhooks({ instance: github, secrets: ["It's a Secret to Everybody"] })
  const headers = {
    'x-github-event': 'ping',
    'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
  }
  // past the signature; the body is no JSON
  await assert.rejects(vector.receive({ headers, body: Buffer.from('Hello, World!') }), failsWith('invalid-payload'))
  await assert.rejects(
    vector.receive({ headers, body: Buffer.from('Hello, World!\n') }),
    failsWith('invalid-signature')
  )
})

test('while a secret is changed, deliveries signed with either are accepted', async () => {
  const [body] = examplesOf('ping')
  const both = createGitHubWebhooks({ instance: github, secrets: ['the next secret', secret] })
  assert.equal((await both.receive(fromGitHub('ping', body))).event.kind, 'ping')
  const next = createGitHubWebhooks({ instance: github, secrets: ['the next secret'] })
  await assert.rejects(next.receive(fromGitHub('ping', body)), failsWith('invalid-signature'))
})

test('without a secret there is no source: unsigned deliveries are never accepted', () => {
  for (const secrets of [[], [''], [secret, '']]) {
    assert.throws(() => createGitHubWebhooks({ instance: github, secrets }), failsWith('invalid-configuration'))
  }
})

test('a signature that is missing, malformed or of SHA-1 is refused without a crash', async () => {
  const [body] = examplesOf('ping')
  const right = String(fromGitHub('ping', body).headers['x-hub-signature-256'])
  const sha1 = `sha1=${createHmac('sha1', secret).update(JSON.stringify(body)).digest('hex')}`
  const wrong: (string | string[] | undefined)[] = [
    undefined,
    '',
    'sha256=',
    sha1,
    right.slice(0, -1),
    `${right}0`,
    right.toUpperCase(),
    right.replace('sha256=', 'SHA256='),
    right.replace('sha256=', ''),
    `sha256=${'g'.repeat(64)}`,
    `sha256=${'0'.repeat(64)}`,
    `sha256=${'é'.repeat(32)}`,
    `${right}, ${right}`,
    ` ${right}`,
    `${right}\n`,
    [right],
    [right, right],
    []
  ]
  for (const signature of wrong) {
    const delivery = fromGitHub('ping', body, { 'x-hub-signature-256': signature, 'x-hub-signature': sha1 })
    await assert.rejects(receive(delivery), failsWith('invalid-signature'), String(signature))
  }
})

test('a body other than the signed one is refused: re-serialised, a line feed more, a byte order mark, empty', async () => {
  const [ping] = examplesOf('ping')
  const signed = fromGitHub('ping', ping)
  const text = Buffer.from(signed.body).toString()
  const others = [JSON.stringify(ping, null, 1), `${text}\n`, `\ufeff${text}`, '', text.replace('{', '{ ')]
  for (const body of others) {
    const delivery = { headers: signed.headers, body: Buffer.from(body) }
    await assert.rejects(receive(delivery), failsWith('invalid-signature'))
  }
})

test('bytes that are not UTF-8 are refused even when their signature is right, for decoding would change them', async () => {
  const body = Buffer.concat([Buffer.from('{"zen":"'), Buffer.from([0xff, 0xfe]), Buffer.from('","hook_id":1}')])
  await assert.rejects(receive(fromGitHub('ping', body)), failsWith('invalid-signature'))
})

test('a delivery id is kept, one that is none is refused, none at all is null', async () => {
  const [body] = examplesOf('ping')
  const { deliveryId: kept, eventName } = await receive(fromGitHub('ping', body))
  assert.deepEqual([kept, eventName], [deliveryId, 'ping'])
  const without = await receive(fromGitHub('ping', body, { 'x-github-delivery': undefined }))
  assert.equal(without.deliveryId, null)
  for (const id of ['x'.repeat(129), 'a b', "'; drop table", 'ü', 'a\u0000', ['a', 'b']]) {
    const delivery = fromGitHub('ping', body, { 'x-github-delivery': id })
    await assert.rejects(receive(delivery), failsWith('invalid-payload'))
  }
})

test('an event name that is missing, twice there or none is refused', async () => {
  const [body] = examplesOf('ping')
  for (const name of [undefined, '', 'PUSH', 'a'.repeat(65), '__proto__x-', ['push'], 'push, ping']) {
    await assert.rejects(receive(fromGitHub('ping', body, { 'x-github-event': name })), failsWith('invalid-payload'))
  }
  for (const name of ['constructor', '__proto__', 'tostring']) assert.equal((await eventOf(name, body)).kind, 'ignored')
})
