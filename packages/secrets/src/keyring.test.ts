import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { decrypt, encrypt, formatKeyring, type Keyring, keyIdOf, newEncryptionKey, parseKeyring } from './keyring.ts'
import { ensureKeyring, replaceKeyring } from './keyring-file.ts'

const identity = ['secret', 'owner-1', 'db', 'version-1']
const text = Buffer.from('the value')

test('what was encrypted opens again, in its own row only', () => {
  const keyring: Keyring = [newEncryptionKey()]
  const ciphertext = encrypt(keyring, text, identity)
  assert.deepEqual(decrypt(keyring, ciphertext, identity), text)
  assert.ok(!ciphertext.includes('value') && !ciphertext.includes(text.toString('base64url')))
  assert.notEqual(ciphertext, encrypt(keyring, text, identity))
  for (const other of [['secret', 'owner-2', 'db', 'version-1'], ['secret', 'owner-1', 'db'], []]) {
    assert.throws(() => decrypt(keyring, ciphertext, other), { code: 'invalid-configuration', message: /another row/ })
  }
  // Words of an identity do not run into each other.
  assert.throws(() => decrypt(keyring, encrypt(keyring, text, ['ab', 'c']), ['a', 'bc']))
})

test('a changed, cut or foreign value does not open, and its key is asked for by name', () => {
  const keyring: Keyring = [newEncryptionKey()]
  const ciphertext = encrypt(keyring, text, identity)
  // Not the last character: of that, some bits mean nothing.
  const flipped = ciphertext.replace(/.(?=.{8}$)/, (one) => (one === 'A' ? 'B' : 'A'))
  for (const bad of [flipped, ciphertext.slice(0, -8), `1.${keyring[0].id}.`]) {
    assert.throws(() => decrypt(keyring, bad, identity), { code: 'invalid-configuration' })
  }
  assert.throws(() => decrypt(keyring, 'nonsense', identity), { code: 'invalid-configuration', message: /form/ })
  const stranger: Keyring = [newEncryptionKey()]
  assert.throws(
    () => decrypt(stranger, ciphertext, identity),
    (err: Error) => err.message.includes(keyring[0].id)
  )
})

test('after a rotation the new key encrypts and the old one still decrypts', () => {
  const before: Keyring = [newEncryptionKey()]
  const ciphertext = encrypt(before, text, identity)
  const after: Keyring = [newEncryptionKey(), ...before]
  assert.deepEqual(decrypt(after, ciphertext, identity), text)
  assert.equal(keyIdOf(encrypt(after, text, identity)), after[0].id)
})

test('a keyring is text and back, and what is none is refused without repeating it', () => {
  const keyring: Keyring = [newEncryptionKey(), newEncryptionKey()]
  assert.deepEqual(parseKeyring(formatKeyring(keyring), 'the file'), keyring)
  assert.deepEqual(parseKeyring(formatKeyring(keyring).replace('\n', ','), 'the file'), keyring)
  for (const bad of ['', 'a:short', 'hunter2hunter2', `x:${'A'.repeat(43)}=\nx:${'B'.repeat(43)}=`]) {
    assert.throws(
      () => parseKeyring(bad, 'the file'),
      (err: Error) => err.message.startsWith('the file holds no encryption keys') && !err.message.includes('hunter2')
    )
  }
})

test('the file is made once, for its user alone, whoever comes at the same moment', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'keyring-'))
  t.after(() => rm(directory, { recursive: true }))
  const path = join(directory, 'deep', 'encryption.keys')
  const found = await Promise.all(Array.from({ length: 8 }, () => ensureKeyring(path)))
  assert.equal(new Set(found.map(([{ id }]) => id)).size, 1)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const next: Keyring = [newEncryptionKey(), ...(found[0] ?? [newEncryptionKey()])]
  await replaceKeyring(path, next)
  assert.deepEqual(await ensureKeyring(path), next)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal((await readFile(path, 'utf8')).split('\n').length, 3)
  await writeFile(path, 'garbage')
  await assert.rejects(ensureKeyring(path), { code: 'invalid-configuration' })
})

test('a key that anybody would guess is refused, wherever in the keyring it is', () => {
  const guessed = `old:${Buffer.alloc(32).toString('base64')}`
  const good = formatKeyring([newEncryptionKey()])
  assert.throws(
    () => parseKeyring(`${good},${guessed}`, 'ENCRYPTION_KEYS'),
    /the key "old" in ENCRYPTION_KEYS .* guess/
  )
})
