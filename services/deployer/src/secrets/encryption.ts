import { randomUUID } from 'node:crypto'
import { Failure, type SealingKey, type Store, type StoredSecret } from '@slipway/domain'
import {
  decrypt,
  encrypt,
  ensureKeyring,
  type Keyring,
  newEncryptionKey,
  parseKeyring,
  replaceKeyring
} from '@slipway/secrets'

/** Encryption at rest: the keys, and what is encrypted with them. */
export interface Encryption {
  encrypt(plaintext: Uint8Array, identity: readonly string[]): Promise<{ ciphertext: string; keyId: string }>
  decrypt(ciphertext: string, identity: readonly string[]): Promise<Buffer>
  /**
   * Encrypts everything with a new key. Anything may go on meanwhile: what is written with the former key still opens, for that
   * one stays until the next rotation. A rotation that was cut short is finished by the next.
   *
   * @returns how many values were encrypted anew
   * @throws Failure `conflict` while another rotation runs
   */
  rotate(): Promise<number>
}

export const secretIdentity = ({ ownerId, name, versionId }: Pick<StoredSecret, 'ownerId' | 'name' | 'versionId'>) => [
  'secret',
  ownerId,
  name,
  versionId
]
export const sealingKeyIdentity = ({ fingerprint }: Pick<SealingKey, 'fingerprint'>) => ['sealing key', fingerprint]

const batch = 100
const leaseMs = 60_000

/** @param keys given as a setting; null: those in the file, which is made when it is not there. */
export function createEncryption({
  store,
  keys,
  file,
  now
}: {
  store: Pick<Store, 'secrets' | 'sealingKeys' | 'settings'>
  keys: string | null
  file: string
  now: () => number
}): Encryption {
  const given = keys === null ? null : parseKeyring(keys, 'ENCRYPTION_KEYS')
  // The file each time: another process may have rotated.
  const keyring = async (): Promise<Keyring> => given ?? (await ensureKeyring(file))

  /** With a setting the new key comes from there: it is put first, the services are started again, and this does the rest. */
  async function nextKeyring(): Promise<Keyring> {
    if (given !== null) return given
    const [current, ...former] = await ensureKeyring(file)
    const next: Keyring = [newEncryptionKey(), current, ...former]
    await replaceKeyring(file, next)
    return next
  }

  /** Two at a time would each put a keyring without the other's key in place. */
  async function hold(holder: string): Promise<void> {
    if (await store.settings.lease('encryption-key-rotation', holder, leaseMs, now())) return
    throw new Failure('conflict', 'the encryption key is being rotated already: wait until that is done')
  }

  async function reencryptAll(all: Keyring, holder: string): Promise<number> {
    const [{ id: keyId }] = all
    let count = 0
    for (;;) {
      const stale = await store.secrets.encryptedOtherwise(keyId, batch)
      for (const secret of stale) {
        const identity = secretIdentity(secret)
        const ciphertext = encrypt(all, decrypt(all, secret.ciphertext, identity), identity)
        await store.secrets.reencrypt(secret.versionId, secret.ciphertext, { ciphertext, keyId })
      }
      count += stale.length
      await hold(holder)
      if (stale.length < batch) break
    }
    for (const key of (await store.sealingKeys.list()).filter((one) => one.keyId !== keyId)) {
      const identity = sealingKeyIdentity(key)
      const ciphertext = encrypt(all, decrypt(all, key.ciphertext, identity), identity)
      await store.sealingKeys.reencrypt(key.fingerprint, key.ciphertext, { ciphertext, keyId })
      count += 1
    }
    return count
  }

  return {
    async encrypt(plaintext, identity) {
      const all = await keyring()
      return { ciphertext: encrypt(all, plaintext, identity), keyId: all[0].id }
    },
    async decrypt(ciphertext, identity) {
      return decrypt(await keyring(), ciphertext, identity)
    },
    async rotate() {
      const holder = randomUUID()
      await hold(holder)
      try {
        const all = await nextKeyring()
        const count = await reencryptAll(all, holder)
        if (given === null) await forgetFormer(file, all)
        return count
      } finally {
        await store.settings.lease('encryption-key-rotation', holder, 0, now())
      }
    }
  }
}

/** The key before the new one stays: another process may be writing with it at this moment. Those before it are not needed any more. */
async function forgetFormer(file: string, [current, former]: Keyring): Promise<void> {
  if (former === undefined) throw new Failure('invalid-configuration', 'a rotation leaves two keys')
  await replaceKeyring(file, [current, former])
}
