import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Delivery, ForgeEvent, type PushEvent } from '@slipway/domain'
import Value from 'typebox/value'
import {
  deliveryId,
  examplesOf,
  failsWith,
  fromGitLab,
  gitlab,
  plainToken,
  sentAt,
  signingToken,
  standardSignature
} from './deliveries.fixture.ts'
import { createGitLabWebhooks } from './gitlab.ts'

interface Documented {
  header: string
  body: Record<string, unknown>
}

const documented = JSON.parse(
  readFileSync(new URL('fixtures/gitlab-events.json', import.meta.url), 'utf8'),
  (key, value: unknown) => (key === 'source' && typeof value === 'string' ? undefined : value)
) as Record<string, Documented>

const signed = createGitLabWebhooks({ instance: gitlab, signingToken, token: null, now: () => sentAt })
const plain = createGitLabWebhooks({ instance: gitlab, signingToken: null, token: plainToken, now: () => sentAt })

function example(name: string): Documented {
  const found = documented[name]
  assert.ok(found !== undefined, name)
  return found
}

async function eventOf(name: string): Promise<ForgeEvent> {
  const { header, body } = example(name)
  const { event } = await signed.receive(fromGitLab(header, body))
  assert.ok(Value.Check(ForgeEvent, event), JSON.stringify(event))
  return event
}

async function pushOf(name: string): Promise<PushEvent> {
  const event = await eventOf(name)
  assert.ok(event.kind === 'push')
  return event.push
}

test('a documented push is read: repository by id and path, head message, forge-authenticated sender', async () => {
  assert.deepEqual(await pushOf('push'), {
    repository: {
      forgeRepositoryId: '15',
      name: 'diaspora',
      fullName: 'mike/diaspora',
      defaultBranch: 'master',
      isPrivate: true,
      owner: null,
      installationId: null
    },
    ref: 'refs/heads/master',
    before: '95790bf891e76fee5e1747ab589903a6a1f80f22',
    commit: 'da1560886d4f094c3e6c9ef40349f7d38b5d27d7',
    isForced: false,
    message: 'fixed readme',
    sender: { forgeUserId: '4', login: 'jsmith' }
  })
})

test('a system hook says the same of the same push', async () => {
  const { sender, ...push } = await pushOf('systemPush')
  const { sender: known, ...expected } = await pushOf('push')
  assert.deepEqual(push, expected)
  assert.equal(sender.forgeUserId, known.forgeUserId)
})

test('a project deep in groups keeps its whole path, a public one is public, a new branch has no before', async () => {
  const { repository, before, message } = await pushOf('pushOfSubgroup')
  assert.deepEqual([repository.fullName, repository.name, repository.isPrivate], ['a/b/c', 'c', false])
  assert.deepEqual([before, message], [null, ''])
})

test('a deleted branch and a deleted tag have no commit, a new tag has no before', async () => {
  assert.equal((await pushOf('branchDeleted')).commit, null)
  assert.equal((await pushOf('tagDeleted')).commit, null)
  const { ref, before, repository } = await pushOf('tag')
  assert.deepEqual([ref, before], ['refs/tags/v1.0.0', null])
  assert.ok(repository.isPrivate)
  // "internal" cannot be cloned without credentials
  assert.ok((await pushOf('systemTag')).repository.isPrivate)
})

test('while the first push is taken in there is no default branch: it is the one that was pushed', async () => {
  const { header, body } = example('push')
  const project = { ...(body.project as object), default_branch: null }
  const { event } = await signed.receive(fromGitLab(header, { ...body, project, ref: 'refs/heads/trunk' }))
  assert.ok(event.kind === 'push')
  assert.equal(event.push.repository.defaultBranch, 'trunk')
})

test('what happens to projects and groups is told by their ids, what nothing follows from is ignored', async () => {
  const changed = async (name: string) => {
    const event = await eventOf(name)
    return event.kind === 'repository-changed' ? [event.action, event.forgeRepositoryId] : event.kind
  }
  assert.deepEqual(await changed('projectDestroyed'), ['project_destroy', '73'])
  assert.deepEqual(await changed('projectDestroyedInGroup'), ['project_destroy', '73'])
  assert.deepEqual(await changed('projectRenamed'), ['project_rename', '73'])
  assert.deepEqual(await changed('projectTransferred'), ['project_transfer', '73'])
  assert.deepEqual(await changed('projectUpdated'), ['project_update', '74'])
  assert.deepEqual(await eventOf('groupRenamed'), {
    kind: 'owner-renamed',
    owner: { forgeOwnerId: '64', login: 'better-name' }
  })
  const unused = ['projectCreated', 'repositoryUpdate', 'subgroupRenamed', 'userRenamed', 'mergeRequest']
  for (const name of [...unused, 'systemMergeRequest', 'memberApproval', 'pipeline']) {
    assert.equal(await changed(name), 'ignored', name)
  }
  const reasonOf = async (name: string) => {
    const event = await eventOf(name)
    return event.kind === 'ignored' ? event.reason : ''
  }
  assert.match(await reasonOf('mergeRequest'), /what is merged arrives as a push/)
})

test("an event's body under another event's header is refused, or stays what it is", async () => {
  const headers = new Set(Object.values(documented).map(({ header }) => header))
  for (const [name, { body }] of Object.entries(documented)) {
    const { kind } = await eventOf(name)
    for (const header of headers) {
      const outcome = await signed.receive(fromGitLab(header, body)).then(
        ({ event }) => event.kind,
        (err: unknown) => (failsWith('invalid-payload')(err) ? 'refused' : 'crashed')
      )
      assert.ok(outcome === 'refused' || outcome === kind, `${name} as ${header}: ${outcome}`)
    }
  }
  const renamed = fromGitLab('Merge Request Hook', example('push').body)
  await assert.rejects(signed.receive(renamed), failsWith('invalid-payload'))
  const contradicting = { ...example('push').body, object_kind: 'pipeline' }
  await assert.rejects(signed.receive(fromGitLab('Push Hook', contradicting)), failsWith('invalid-payload'))
  await assert.rejects(signed.receive(fromGitLab('Push Hook', examplesOf('push')[0])), failsWith('invalid-payload'))
})

test('the id of a signed delivery is the one that is signed', async () => {
  const { header, body } = example('push')
  const delivery = fromGitLab(header, body, { 'idempotency-key': 'another' })
  assert.equal((await signed.receive(delivery)).deliveryId, deliveryId)
})

test('with the plain token the id is the idempotency key; the id of the event is none, for several deliveries share it', async () => {
  const { header, body } = example('push')
  const { deliveryId: kept, eventName } = await plain.receive(fromGitLab(header, body))
  assert.deepEqual([kept, eventName], [deliveryId, 'Push Hook'])
  const old = fromGitLab(header, body, { 'idempotency-key': undefined, 'webhook-id': undefined })
  assert.equal((await plain.receive(old)).deliveryId, null)
  for (const id of ['x'.repeat(129), 'a b', ['a', 'b']]) {
    const delivery = fromGitLab(header, body, { 'idempotency-key': id })
    await assert.rejects(plain.receive(delivery), failsWith('invalid-payload'))
  }
})

test('a hook with a signing token never falls back: the plain token beside a missing signature opens nothing', async () => {
  const both = createGitLabWebhooks({ instance: gitlab, signingToken, token: plainToken, now: () => sentAt })
  const { header, body } = example('push')
  await both.receive(fromGitLab(header, body))
  for (const signature of [undefined, '', ['v1,x']]) {
    const delivery = fromGitLab(header, body, { 'webhook-signature': signature })
    await assert.rejects(both.receive(delivery), failsWith('invalid-signature'))
  }
})

test('any one of several signatures is enough, so that the key can be changed', async () => {
  const { header, body } = example('push')
  const other = standardSignature(body, { key: `whsec_${Buffer.alloc(32, 9).toString('base64')}` })
  const several = `${other} v1a,ignored ${standardSignature(body)}`
  await signed.receive(fromGitLab(header, body, { 'webhook-signature': several }))
  const delivery = fromGitLab(header, body, { 'webhook-signature': other })
  await assert.rejects(signed.receive(delivery), failsWith('invalid-signature'))
})

test('the signature covers id, timestamp and body: none of them can be exchanged', async () => {
  const { header, body } = example('push')
  const right = fromGitLab(header, body)
  const changed: Delivery[] = [
    { ...right, headers: { ...right.headers, 'webhook-id': 'another' } },
    { ...right, headers: { ...right.headers, 'webhook-timestamp': String(sentAt / 1000 + 1) } },
    { ...right, body: Buffer.concat([right.body, Buffer.from('\n')]) },
    { ...right, body: Buffer.concat([Buffer.from('\ufeff'), right.body]) },
    { ...right, body: Buffer.from(JSON.stringify(body, null, 1)) },
    { ...right, body: new Uint8Array() }
  ]
  for (const delivery of changed) await assert.rejects(signed.receive(delivery), failsWith('invalid-signature'))
})

test('a signature older or newer than five minutes is refused', async () => {
  const { header, body } = example('push')
  const sentFrom = (at: number) =>
    fromGitLab(header, body, {
      'webhook-timestamp': String(at / 1000),
      'webhook-signature': standardSignature(body, { at })
    })
  for (const at of [sentAt - 300_000, sentAt + 300_000]) await signed.receive(sentFrom(at))
  for (const at of [sentAt - 301_000, sentAt + 301_000, 0]) {
    await assert.rejects(signed.receive(sentFrom(at)), failsWith('invalid-signature', /five minutes/))
  }
})

test('a malformed signature, id or timestamp is refused without a crash', async () => {
  const { header, body } = example('push')
  const right = standardSignature(body)
  const signatures = [
    'v1',
    'v1,',
    right.slice(0, -1),
    right.slice(3),
    right.toUpperCase(),
    `v2,${right.slice(3)}`,
    ' '.repeat(9999)
  ]
  for (const signature of [...signatures, 'v1,é', `v1,${'A'.repeat(43)}=`]) {
    const delivery = fromGitLab(header, body, { 'webhook-signature': signature })
    await assert.rejects(signed.receive(delivery), failsWith('invalid-signature'), signature)
  }
  for (const timestamp of [undefined, '', 'now', '1e3', '-1', '9'.repeat(400), ['1', '2'], '1.5']) {
    const delivery = fromGitLab(header, body, { 'webhook-timestamp': timestamp })
    await assert.rejects(signed.receive(delivery), failsWith('invalid-signature'))
  }
  const delivery = fromGitLab(header, body, { 'webhook-id': undefined })
  await assert.rejects(signed.receive(delivery), failsWith('invalid-signature'))
})

test('a wrong, missing or doubled plain token is refused', async () => {
  const { header, body } = example('push')
  await plain.receive(fromGitLab(header, body))
  const wrong = [undefined, '', `${plainToken} `, plainToken.slice(1), plainToken.toUpperCase(), 'é', [plainToken]]
  for (const given of [...wrong, [plainToken, plainToken]]) {
    const delivery = fromGitLab(header, body, { 'x-gitlab-token': given })
    await assert.rejects(plain.receive(delivery), failsWith('invalid-signature'))
  }
})

test('without a token, or with a signing token that is none, there is no source', () => {
  const pairs: [string | null, string | null][] = [
    [null, null],
    [null, ''],
    ['', plainToken],
    ['whsec_', plainToken],
    ['whsec_AAAA', null],
    ['whsec_not base64!', null],
    [signingToken.slice(6), plainToken]
  ]
  for (const [signing, token] of pairs) {
    const make = () => createGitLabWebhooks({ instance: gitlab, signingToken: signing, token, now: Date.now })
    assert.throws(make, failsWith('invalid-configuration'), `${signing} ${token}`)
  }
})

test('bytes that are not UTF-8 are no payload', async () => {
  const body = Buffer.concat([Buffer.from('{"object_kind":"'), Buffer.from([0xff]), Buffer.from('"}')])
  await assert.rejects(signed.receive(fromGitLab('Push Hook', body)), failsWith('invalid-payload'))
})
