import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { lockDirectory } from '@slipway/service/directory-lock'
import { createStore } from '@slipway/store'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { backup } from './backup.ts'
import { restore } from './restore.ts'
import { refuseHalfRestored } from './state.ts'

const signal = new AbortController().signal
const now = Date.now

async function installationForTest(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-backup-'))
  t.after(() => rm(directory, { recursive: true }))
  // Somebody else's registry: what is done with one of our own is a matter for the system test.
  const env = { SLIPWAY_HOME: join(directory, 'home'), REGISTRY: 'registry.example' }
  const store = await createStore({ url: null, file: join(env.SLIPWAY_HOME, 'store.sqlite') })
  await seedLive(store, pushOf('a'.repeat(40)), [{ spec: specOf('hello'), image: imageOf('hello') }], 1)
  await store.settings.set('installation', 'the one')
  await store.close()
  await writeFile(join(env.SLIPWAY_HOME, 'encryption.keys'), 'the keys\n')
  await writeFile(join(env.SLIPWAY_HOME, 'admin-token'), 'the token\n')
  await writeFile(join(env.SLIPWAY_HOME, 'slipway.log'), 'not needed')
  const identity = await generateIdentity()
  const identityFile = join(directory, 'identity')
  await writeFile(identityFile, `# made by a test\n${identity}\n`)
  const keys = { passphrase: undefined, recipients: [await identityToRecipient(identity)] }
  const file = join(directory, 'backup.age')
  const target = { SLIPWAY_HOME: join(directory, 'elsewhere'), REGISTRY: 'registry.example' }
  const write = () => backup({ env, file, keys, now }, signal)
  const read = (more: Partial<Parameters<typeof restore>[0]> = {}) =>
    restore({ env: target, file, keys: { passphrase: undefined, identityFile }, force: false, now, ...more }, signal)
  return { directory, env, target, file, keys, identityFile, write, read }
}

const failsWith = (code: string, message: RegExp) => (err: unknown) =>
  err instanceof Failure && err.code === code && message.test(err.message)

test('a backup holds store, tokens and keys, for nobody else to read, and an empty state directory becomes the same', async (t) => {
  const { file, target, write, read } = await installationForTest(t)
  const report = await write()
  assert.deepEqual([report.images, report.missing, report.externalRegistry], [0, [], 'registry.example'])
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const bytes = await readFile(file)
  assert.ok(bytes.subarray(0, 21).equals(Buffer.from('age-encryption.org/v1')))
  for (const secret of ['the keys', 'the token', 'alice']) assert.ok(!bytes.includes(secret), secret)

  const { rows, aside } = await read()
  assert.ok(rows > 5)
  assert.equal(aside, null)
  const home = target.SLIPWAY_HOME
  assert.deepEqual((await readdir(home)).sort(), ['admin-token', 'encryption.keys', 'store.sqlite'])
  assert.equal(await readFile(join(home, 'encryption.keys'), 'utf8'), 'the keys\n')
  assert.equal((await stat(join(home, 'encryption.keys'))).mode & 0o777, 0o600)
  const store = await createStore({ url: null, file: join(home, 'store.sqlite') })
  t.after(() => store.close())
  assert.equal(await store.settings.get('installation'), 'the one')
  assert.equal((await store.functions.routes())[0]?.clusterName, 'alice-hello')
})

test('over an installation it is restored only when forced to, and puts it aside', async (t) => {
  const { target, write, read } = await installationForTest(t)
  await write()
  await read()
  const home = target.SLIPWAY_HOME
  await writeFile(join(home, 'admin-token'), 'a newer one')
  await assert.rejects(read(), failsWith('conflict', /store\.sqlite.*--force/))
  assert.equal(await readFile(join(home, 'admin-token'), 'utf8'), 'a newer one')
  const { aside } = await read({ force: true })
  assert.equal(await readFile(join(home, 'admin-token'), 'utf8'), 'the token\n')
  assert.equal(await readFile(join(aside ?? '', 'admin-token'), 'utf8'), 'a newer one')
  assert.ok(existsSync(join(aside ?? '', 'store.sqlite')))
})

test('the half of a restore that was killed is not taken for an installation', async (t) => {
  const { target, write, read } = await installationForTest(t)
  await write()
  const home = target.SLIPWAY_HOME
  await mkdir(join(home, 'restoring'), { recursive: true })
  await writeFile(join(home, 'restoring', 'store.sqlite'), 'half')
  assert.throws(() => refuseHalfRestored(home), failsWith('conflict', /cut short.*slipway restore/))
  await read()
  assert.doesNotThrow(() => refuseHalfRestored(home))
})

test('while Slipway runs in a state directory nothing is restored there, but backed up', async (t) => {
  const { env, target, write, read } = await installationForTest(t)
  const running = await lockDirectory(env.SLIPWAY_HOME)
  await write()
  await running.release()
  const other = await lockDirectory(target.SLIPWAY_HOME)
  await assert.rejects(read(), failsWith('conflict', /already works with/))
  await other.release()
  await read()
})

test('without the key a backup is neither written nor read', async (t) => {
  const { env, file, directory, write, read } = await installationForTest(t)
  const withoutKey = backup({ env, file, keys: { passphrase: 'short', recipients: [] }, now }, signal)
  await assert.rejects(withoutKey, failsWith('invalid-configuration', /BACKUP_PASSPHRASE/))
  const wrongKey = backup({ env, file, keys: { passphrase: undefined, recipients: ['age1nonsense'] }, now }, signal)
  await assert.rejects(wrongKey, failsWith('invalid-configuration', /no recipient/))
  assert.ok(!existsSync(file))
  await write()
  const other = join(directory, 'other')
  await writeFile(other, `${await generateIdentity()}\n`)
  await assert.rejects(
    read({ keys: { passphrase: undefined, identityFile: other } }),
    failsWith('forbidden', /another key/)
  )
})

test('a passphrase does as well', async (t) => {
  const { env, file, read } = await installationForTest(t)
  const passphrase = 'correct horse battery staple'
  await backup({ env, file, keys: { passphrase, recipients: [] }, now }, signal)
  await assert.rejects(
    read({ keys: { passphrase: 'correct horse battery stable', identityFile: undefined } }),
    failsWith('forbidden', /another key/)
  )
  assert.ok((await read({ keys: { passphrase, identityFile: undefined } })).rows > 0)
})

test('a backup that was cut short or changed is refused, and leaves nothing behind', async (t) => {
  const { file, target, write, read } = await installationForTest(t)
  const { bytes } = await write()
  const whole = await readFile(file)
  await truncate(file, bytes - 500)
  await assert.rejects(read(), failsWith('invalid-request', /damaged|cut short/))
  const changed = Buffer.from(whole)
  changed[bytes - 100] = (changed[bytes - 100] ?? 0) ^ 1
  await writeFile(file, changed)
  await assert.rejects(read(), failsWith('invalid-request', /damaged|cut short/))
  await writeFile(file, 'hello')
  await assert.rejects(read(), failsWith('forbidden', /no file of age/))
  assert.deepEqual(await readdir(target.SLIPWAY_HOME), [])
  await writeFile(file, whole)
  await read()
})

test('where nothing was ever started there is nothing to back up, and nothing is made', async (t) => {
  const { file, target, keys } = await installationForTest(t)
  await assert.rejects(backup({ env: target, file, keys, now }, signal), failsWith('not-found', /ever started/))
  assert.ok(!existsSync(target.SLIPWAY_HOME))
})
