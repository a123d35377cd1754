import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure, type ForgeSecret, forgeSecretIdentity } from '@slipway/domain'
import { encrypt, type Keyring, newEncryptionKey } from '@slipway/secrets'
import { createLogger } from '@slipway/service'
import { createStore } from '@slipway/store'
import { createKeptSource } from './kept-source.ts'

const instance = {
  forgeId: 'github',
  kind: 'github' as const,
  baseUrl: 'http://forge.test',
  apiUrl: 'http://forge.test/api/v3'
}
const app = {
  ...instance,
  appId: '1',
  slug: 'slipway',
  htmlUrl: 'http://forge.test/apps/slipway',
  ownerLogin: 'acme',
  isOrganization: true,
  clientId: null,
  isHookActive: true,
  createdAt: 1
}

async function createSourceForTest(t: TestContext, kind: 'github' | 'gitlab' = 'github') {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-kept-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  const keyring: Keyring = [newEncryptionKey()]
  let time = 1000
  let reads = 0
  let isAway = false
  const forgeApps: typeof store.forgeApps = {
    ...store.forgeApps,
    async get(forgeId) {
      reads += 1
      if (isAway) throw new Failure('unavailable', 'the database is away')
      return store.forgeApps.get(forgeId)
    }
  }
  const source = createKeptSource({
    instance: { ...instance, kind },
    store: { forgeApps },
    keyring: async () => keyring,
    now: () => time,
    monotonicNow: () => time,
    logger: createLogger('test', 'silent')
  })
  t.after(async () => {
    await source.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  const secretOf = (id: string, text: string, expiresAt: number | null = null): ForgeSecret => {
    const identity = { id, forgeId: 'github', use: 'webhook' as const }
    const ciphertext = encrypt(keyring, Buffer.from(text), forgeSecretIdentity(identity))
    return { ...identity, ciphertext, keyId: keyring[0].id, createdAt: time, expiresAt }
  }
  return {
    store,
    source,
    secretOf,
    reads: () => reads,
    setAway(away: boolean) {
      isAway = away
    },
    pass(ms: number) {
      time += ms
    }
  }
}

function ping(secret: string) {
  const body = Buffer.from(JSON.stringify({ zen: 'x', hook_id: 1, hook: {} }))
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  const headers = { 'x-hub-signature-256': signature, 'x-github-event': 'ping', 'x-github-delivery': 'd1' }
  return { headers, body }
}

const failsWith = (code: string) => (err: unknown) => err instanceof Failure && err.code === code

test('before a forge is connected its deliveries find nothing, and right afterwards they are taken', async (t) => {
  const { store, source, secretOf, pass } = await createSourceForTest(t)
  await assert.rejects(source.receive(ping('first secret')), failsWith('not-found'))
  await store.forgeApps.put(app, [secretOf('a', 'first secret')], null)
  pass(1000)
  assert.equal((await source.receive(ping('first secret'))).eventName, 'ping')
})

test('a secret that was made a moment ago counts, the former one as long as it is not over, and a wrong one never', async (t) => {
  const { store, source, secretOf, pass } = await createSourceForTest(t)
  await store.forgeApps.put(app, [secretOf('a', 'first secret')], null)
  pass(1000)
  await source.receive(ping('first secret'))
  const next = secretOf('b', 'second secret')
  await store.forgeApps.addSecret(next)
  pass(1000)
  await source.receive(ping('second secret'))
  await source.receive(ping('first secret'))
  await store.forgeApps.supersedeSecrets(next, [next.id], 3500)
  pass(1000)
  await assert.rejects(source.receive(ping('a stranger')), failsWith('invalid-signature'))
  await assert.rejects(source.receive(ping('first secret')), failsWith('invalid-signature'))
  await source.receive(ping('second secret'))
})

test('deliveries that fit ask the store for nothing, and those that do not ask once a second', async (t) => {
  const { store, source, secretOf, reads, pass } = await createSourceForTest(t)
  await store.forgeApps.put(app, [secretOf('a', 'first secret')], null)
  pass(1000)
  await source.receive(ping('first secret'))
  const before = reads()
  pass(5000)
  for (let i = 0; i < 20; i++) await source.receive(ping('first secret'))
  assert.equal(reads(), before)
  const strangers = Array.from({ length: 50 }, () => source.receive(ping('a stranger')))
  const ends = await Promise.allSettled(strangers)
  assert.ok(ends.every(({ status }) => status === 'rejected'))
  assert.equal(reads(), before + 1)
})

test('with the store away what is known goes on counting', async (t) => {
  const { store, source, secretOf, setAway, pass } = await createSourceForTest(t)
  await store.forgeApps.put(app, [secretOf('a', 'first secret')], null)
  pass(1000)
  await source.receive(ping('first secret'))
  setAway(true)
  pass(60_000)
  await assert.rejects(source.receive(ping('a stranger')), failsWith('invalid-signature'))
  await source.receive(ping('first secret'))
})

test('of a GitLab what is signed counts, and what sends the other token along where it cannot sign', async (t) => {
  const { store, source, secretOf, pass } = await createSourceForTest(t, 'gitlab')
  const key = Buffer.alloc(32, 7)
  const plain = 'a plain token of the test'
  const secrets = [secretOf('s', `whsec_${key.toString('base64')}`), secretOf('p', plain)]
  await store.forgeApps.put({ ...app, kind: 'gitlab' }, secrets, null)
  pass(1000)
  const body = Buffer.from(JSON.stringify({ object_kind: 'issue' }))
  const headers = { 'x-gitlab-event': 'Issue Hook', 'webhook-id': 'one', 'webhook-timestamp': '1' }
  const signature = createHmac('sha256', key).update(`one.1.${body.toString()}`).digest('base64')
  const received = async (more: Record<string, string>) =>
    (await source.receive({ headers: { ...headers, ...more }, body })).eventName
  assert.equal(await received({ 'webhook-signature': `v1,${signature}` }), 'Issue Hook')
  assert.equal(await received({ 'x-gitlab-token': plain }), 'Issue Hook')
  const wrongs: Record<string, string>[] = [
    {},
    { 'x-gitlab-token': 'another token of a test' },
    { 'webhook-signature': 'v1,AAAA' }
  ]
  for (const wrong of wrongs) {
    await assert.rejects(received(wrong), (err) => err instanceof Failure && err.code === 'invalid-signature')
  }
})
