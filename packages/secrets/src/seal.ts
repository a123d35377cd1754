import {
  constants,
  createCipheriv,
  createDecipheriv,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  X509Certificate
} from 'node:crypto'
import { Failure } from '@slipway/domain'

/**
 * The format of `kubeseal`, one value at a time, in base64: the length of the RSA part (2 bytes, big-endian), a session key
 * encrypted by RSA-OAEP(SHA-256) with the scope as label, and the value by AES-256-GCM under that key with a nonce of zeros,
 * for each key encrypts one value. https://github.com/bitnami-labs/sealed-secrets/blob/main/docs/developer/crypto.md
 */
export interface SealScope {
  namespace: string
  /** null: every set of the namespace may hold the value. */
  name: string | null
}

const sessionKeyBytes = 32
const nonce = Buffer.alloc(12)
const tagBytes = 16

/** What ties a sealed value to its place. */
function labelOf({ namespace, name }: SealScope): Buffer {
  return Buffer.from(name === null ? namespace : `${namespace}/${name}`)
}

/** @param certificate the installation's, as PEM. @throws Failure `invalid-request` when it is none, or expired. */
export function sealValue(certificate: string, value: Uint8Array, scope: SealScope, now: number): string {
  const key = publicKeyOf(certificate, now)
  const sessionKey = randomBytes(sessionKeyBytes)
  const rsa = publicEncrypt({ ...oaep, key, oaepLabel: labelOf(scope) }, sessionKey)
  const cipher = createCipheriv('aes-256-gcm', sessionKey, nonce, { authTagLength: tagBytes })
  const length = Buffer.alloc(2)
  length.writeUInt16BE(rsa.length)
  return Buffer.concat([length, rsa, cipher.update(value), cipher.final(), cipher.getAuthTag()]).toString('base64')
}

/**
 * Opens a sealed value with the first key that can.
 *
 * @returns null when none can: it was sealed with another certificate, for another place, or was changed. Which of these, nobody can tell.
 */
export function openValue(keys: readonly KeyObject[], sealed: string, scope: SealScope): Buffer | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(sealed) || sealed.length % 4 !== 0) return null
  const bytes = Buffer.from(sealed, 'base64')
  if (bytes.length < 2) return null
  const rsaEnd = 2 + bytes.readUInt16BE(0)
  if (bytes.length < rsaEnd + tagBytes) return null
  for (const key of keys) {
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8 !== rsaEnd - 2) continue
    const value = openWith(key, bytes, rsaEnd, labelOf(scope))
    if (value !== null) return value
  }
  return null
}

function openWith(key: KeyObject, bytes: Buffer, rsaEnd: number, oaepLabel: Buffer): Buffer | null {
  try {
    const sessionKey = privateDecrypt({ ...oaep, key, oaepLabel }, bytes.subarray(2, rsaEnd))
    if (sessionKey.length !== sessionKeyBytes) return null
    const decipher = createDecipheriv('aes-256-gcm', sessionKey, nonce, { authTagLength: tagBytes })
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    return Buffer.concat([decipher.update(bytes.subarray(rsaEnd, -tagBytes)), decipher.final()])
  } catch {
    return null // not this key's, or not this place's: what comes of it is told by whoever tries the keys
  }
}

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }

function publicKeyOf(pem: string, now: number): KeyObject {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(pem)
  } catch (err) {
    throw new Failure('invalid-request', 'this is no certificate: expected PEM, as Slipway serves it', { cause: err })
  }
  if (Date.parse(certificate.validTo) < now) {
    throw new Failure(
      'invalid-request',
      `the certificate expired on ${certificate.validTo}: an administrator makes another with "slipway admin rotate sealing-key"`
    )
  }
  if (certificate.publicKey.asymmetricKeyType !== 'rsa') {
    throw new Failure('invalid-request', 'the certificate holds no RSA key, which sealing needs')
  }
  return certificate.publicKey
}
