import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Failure } from '@slipway/domain'

/** A key that values are encrypted with at rest. Its id stands beside every value. */
export interface EncryptionKey {
  id: string
  key: Buffer
}

/** The first key encrypts; all of them decrypt. */
export type Keyring = readonly [EncryptionKey, ...EncryptionKey[]]

const format = '1'
const ivBytes = 12
const tagBytes = 16
/** Of a key's bytes so many differ at least; fewer than 20 of 32 random ones never do. */
const fewestBytes = 16

export function newEncryptionKey(): EncryptionKey {
  return { id: randomBytes(6).toString('hex'), key: randomBytes(32) }
}

/** One key a line, or separated by commas: `<id>:<base64 of 32 bytes>`; the first is the one that encrypts. */
export function formatKeyring(keyring: Keyring): string {
  return keyring.map(({ id, key }) => `${id}:${key.toString('base64')}`).join('\n')
}

/** @throws Failure `invalid-configuration` that says what is expected, never what was there. */
export function parseKeyring(text: string, source: string): Keyring {
  const keys = text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [, id = '', encoded = ''] = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=)$/.exec(line) ?? []
      return { id, key: Buffer.from(encoded, 'base64') }
    })
  const [first, ...others] = keys
  const isDistinct = new Set(keys.map(({ id }) => id)).size === keys.length
  if (first === undefined || keys.some(({ key }) => key.length !== 32) || !isDistinct) {
    throw new Failure(
      'invalid-configuration',
      `${source} holds no encryption keys: expected "<id>:<base64 of 32 bytes>", each id once, the newest first`
    )
  }
  const guessable = keys.find(({ key }) => new Set(key).size < fewestBytes)
  if (guessable !== undefined) {
    throw new Failure(
      'invalid-configuration',
      `the key "${guessable.id}" in ${source} is one that anybody would guess: make a random one ("openssl rand -base64 32")`
    )
  }
  return [first, ...others]
}

/**
 * AES-256-GCM with a random nonce. `identity` says whose value it is and is authenticated: put into another row it does not open.
 */
export function encrypt(keyring: Keyring, plaintext: Uint8Array, identity: readonly string[]): string {
  const [{ id, key }] = keyring
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes })
  cipher.setAAD(identityBytes(id, identity))
  const sealed = Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return `${format}.${id}.${sealed.toString('base64url')}`
}

/** @throws Failure `invalid-configuration` when its key is not there, or it was changed or belongs elsewhere. */
export function decrypt(keyring: Keyring, ciphertext: string, identity: readonly string[]): Buffer {
  const id = keyIdOf(ciphertext)
  const found = keyring.find((one) => one.id === id)
  if (found === undefined) {
    throw new Failure(
      'invalid-configuration',
      `a stored value is encrypted with the key "${id}", which is not among the encryption keys: put it back`
    )
  }
  const bytes = Buffer.from(ciphertext.split('.')[2] ?? '', 'base64url')
  try {
    const decipher = createDecipheriv('aes-256-gcm', found.key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
    decipher.setAAD(identityBytes(id, identity))
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    return Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()])
  } catch (err) {
    throw new Failure(
      'invalid-configuration',
      `a stored value cannot be opened (${identity.join(' ')}): it was changed, or moved from another row`,
      { cause: err }
    )
  }
}

/** The id of the key that a value is encrypted with. */
export function keyIdOf(ciphertext: string): string {
  const [version, id] = ciphertext.split('.')
  if (version !== format || id === undefined) {
    throw new Failure('invalid-configuration', 'a stored value is of a form that this version does not know')
  }
  return id
}

function identityBytes(keyId: string, identity: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify([format, keyId, ...identity]))
}
