import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { deploymentOf } from '@slipway/testing'
import { redactLines } from './redact-lines.ts'
import { createSecretsForTest, signal } from './secrets.fixture.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const put = (text: string) => ({ password: base64(text) })

test('stored values are encrypted, and the same value again changes nothing', async (t) => {
  const { internal, store, building, queued, keeper } = await createSecretsForTest(t)
  const { ownerId } = await building('alice')
  const of = { ownerId: ownerId ?? '', name: 'db', by: 'test' }
  const first = await internal.putSecret(of, put('hunter2hunter2'), signal)
  const again = await internal.putSecret(of, put('hunter2hunter2'), signal)
  assert.deepEqual([first.isChanged, again.isChanged, again.set.versionId], [true, false, first.set.versionId])
  const [stored] = await store.secrets.versions([first.set.versionId])
  assert.ok(stored)
  assert.ok(!JSON.stringify(stored).includes('hunter2') && !JSON.stringify(stored).includes(base64('hunter2hunter2')))
  assert.deepEqual([...(await keeper.open(stored))], [['password', Buffer.from('hunter2hunter2')]])
  assert.equal(queued(), 0)
  await assert.rejects(internal.putSecret(of, { password: '***' }, signal), { code: 'invalid-request' })
  await assert.rejects(internal.putSecret({ ...of, name: '-' }, put('x'), signal), { code: 'invalid-request' })
})

test("hostile: a row that was put in another's place does not open", async (t) => {
  const { internal, store, building, keeper } = await createSecretsForTest(t)
  const { ownerId } = await building('alice')
  const { set } = await internal.putSecret({ ownerId: ownerId ?? '', name: 'db', by: 'test' }, put('value'), signal)
  const [stored] = await store.secrets.versions([set.versionId])
  assert.ok(stored)
  for (const moved of [{ ownerId: 'mallory' }, { name: 'other' }, { versionId: 'another' }]) {
    await assert.rejects(keeper.open({ ...stored, ...moved }), {
      code: 'invalid-configuration',
      message: /another row/
    })
  }
})

test('hostile: values go to nobody but the holder of a build, and only those of its owner', async (t) => {
  const { internal, building } = await createSecretsForTest(t)
  const alex = await building('alex')
  const ellis = await building('alexellis')
  await internal.putSecret({ ownerId: ellis.ownerId ?? '', name: 'x', by: 'test' }, put('hers-and-secret'), signal)
  for (const name of ['x', 'ellis-x', 'alexellis-x']) {
    await assert.rejects(internal.secretValues(alex.id, 'seed', [name], signal), { code: 'not-found' })
  }
  assert.deepEqual(await internal.redactions(alex.id, 'seed', signal), [])
  assert.deepEqual(await internal.redactions(ellis.id, 'seed', signal), [base64('hers-and-secret')])
  for (const ask of [
    internal.secretValues(ellis.id, 'another worker', ['x'], signal),
    internal.redactions(ellis.id, 'another worker', signal),
    internal.secretsOfBuild(ellis.id, 'another worker', ['x'], signal),
    internal.sealForBuild(ellis.id, 'another worker', [], signal)
  ]) {
    await assert.rejects(ask, { code: 'lease-lost' })
  }
})

test('the encryption key is rotated while secrets are written, and everything still opens', async (t) => {
  const { internal, store, building, keeper, encryptionFile } = await createSecretsForTest(t)
  const { ownerId } = await building('alice')
  const of = (name: string) => ({ ownerId: ownerId ?? '', name, by: 'test' })
  await Promise.all(Array.from({ length: 120 }, (_, i) => internal.putSecret(of(`s${i}`), put(`value ${i}`), signal)))
  await internal.sealingCertificate(signal)
  const before = await readFile(encryptionFile, 'utf8')
  const [count] = await Promise.all([
    internal.rotateEncryptionKey(signal),
    sleep(5).then(() => internal.putSecret(of('late'), put('late'), signal))
  ])
  assert.ok(count >= 121, `${count}`)
  const after = await readFile(encryptionFile, 'utf8')
  assert.equal(after.trim().split('\n').length, 2)
  assert.ok(after.includes(before.trim()), 'the former key stays until the next rotation')
  await internal.rotateEncryptionKey(signal)
  assert.ok(!(await readFile(encryptionFile, 'utf8')).includes(before.trim()))
  const inUse = await store.secrets.inUse(ownerId ?? '')
  assert.equal(inUse.length, 121)
  const opened = await Promise.all(inUse.map(async (secret) => (await keeper.open(secret)).get('password')?.toString()))
  assert.ok(opened.includes('value 7') && opened.includes('late'))
  assert.equal(new Set(inUse.map(({ keyId }) => keyId)).size, 1)
  await internal.sealingCertificate(signal)
})

test('of two rotations at the same moment one is refused, and no key is lost', async (t) => {
  const { internal, store, building, keeper } = await createSecretsForTest(t)
  const { ownerId } = await building('alice')
  const { set } = await internal.putSecret({ ownerId: ownerId ?? '', name: 'db', by: 'test' }, put('value'), signal)
  const ends = await Promise.allSettled([internal.rotateEncryptionKey(signal), internal.rotateEncryptionKey(signal)])
  const refused = ends.flatMap((end) => (end.status === 'rejected' ? [(end.reason as { code: string }).code] : []))
  assert.deepEqual(refused, ['conflict'])
  const [stored] = await store.secrets.versions([set.versionId])
  assert.ok(stored)
  assert.equal((await keeper.open(stored)).get('password')?.toString(), 'value')
  await internal.rotateEncryptionKey(signal)
})

test('keys may come as a setting: the first one is then used for what is encrypted anew', async (t) => {
  const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`
  const { internal, building, store } = await createSecretsForTest(t, {
    encryptionKeys: `${key('new')},${key('old')}`
  })
  const { ownerId } = await building('alice')
  const { set } = await internal.putSecret({ ownerId: ownerId ?? '', name: 'db', by: 'test' }, put('v'), signal)
  assert.equal((await store.secrets.versions([set.versionId]))[0]?.keyId, 'new')
  assert.equal(await internal.rotateEncryptionKey(signal), 0)
})

test("a deployment's files are the keys of its sets, and two of one name are refused", async (t) => {
  const { internal, building, keeper } = await createSecretsForTest(t)
  const ownerId = (await building('alice')).ownerId ?? ''
  const { set: db } = await internal.putSecret({ ownerId, name: 'db', by: 't' }, put('one'), signal)
  const { set: tls } = await internal.putSecret({ ownerId, name: 'tls', by: 't' }, { 'tls.key': base64('k') }, signal)
  const { set: mail } = await internal.putSecret({ ownerId, name: 'mail', by: 't' }, put('two'), signal)
  const pins = (...sets: (typeof db)[]) => sets.map(({ name, versionId }) => ({ name, versionId }))
  const files = await keeper.filesOf(deploymentOf({ ownerId, secrets: pins(db, tls) }))
  assert.deepEqual([...files.keys()], ['password', 'tls.key'])
  await assert.rejects(keeper.filesOf(deploymentOf({ ownerId, secrets: pins(db, mail) })), {
    code: 'invalid-stack',
    message: /the key "password"/
  })
  // A pin that names another owner's version, whatever put it there.
  await assert.rejects(keeper.filesOf(deploymentOf({ ownerId: 'mallory', secrets: pins(db) })), {
    code: 'invalid-configuration'
  })
})

test('what functions print is told without secrets, in pieces of long lines too', async () => {
  const secret = '0123456789abcdef'
  const { createRedactor } = await import('@slipway/secrets')
  const long = 'x'.repeat(64 * 1024)
  const lines = [
    { text: `${long}01234567` },
    { text: `89abcdef and ${secret}` },
    { text: '89abcdef alone' },
    { text: base64(`user:${secret}`), instance: 'two' }
  ].map((line) => ({ at: 0, instance: 'one', stream: 'stdout' as const, ...line }))
  async function* printed() {
    yield* lines
  }
  const told: string[] = []
  for await (const line of redactLines(printed(), createRedactor([secret]))) told.push(line.text)
  assert.deepEqual(told.slice(0, 3), [`${long}[redacted]`, '[redacted] and [redacted]', '89abcdef alone'])
  assert.match(told[3] ?? '', /\[redacted\]/)
})
