import { randomUUID } from 'node:crypto'
import { Failure, type Settings } from '@slipway/domain'
import { decrypt, encrypt, type Keyring, newEncryptionKey } from './keyring.ts'
import { keyringOf, replaceKeyring } from './keyring-file.ts'

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

/** Something that is encrypted with another key than it should be. */
export interface Stale {
  ciphertext: string
  identity: readonly string[]
  /** Puts it back under the new key, unless it was changed meanwhile. */
  replace(after: { ciphertext: string; keyId: string }): Promise<void>
}

/** What is encrypted with a keyring: some of what has another key than this one; nothing once all has it. */
export type Holding = (keyId: string) => Promise<Stale[]>

export interface EncryptionOptions {
  settings: Pick<Settings, 'lease'>
  /** For messages: `encryption`. */
  name: string
  /** Keys given as a setting; null: those in the file, which is made when it is not there. */
  keys: string | null
  /** The setting's name. */
  setting: string
  file: string
  holdings: Holding[]
  now: () => number
}

const leaseMs = 60_000

export function createEncryption({
  settings,
  name,
  keys,
  setting,
  file,
  holdings,
  now
}: EncryptionOptions): Encryption {
  // The file each time: another process may have rotated.
  const keyring = keyringOf({ keys, setting, file })
  const isGiven = keys !== null

  /** With a setting the new key comes from there: it is put first, the services are started again, and this does the rest. */
  async function nextKeyring(): Promise<Keyring> {
    const [current, ...former] = await keyring()
    if (isGiven) return [current, ...former]
    const next: Keyring = [newEncryptionKey(), current, ...former]
    await replaceKeyring(file, next)
    return next
  }

  /** Two at a time would each put a keyring without the other's key in place. */
  async function hold(holder: string): Promise<void> {
    if (await settings.lease(`${name}-key-rotation`, holder, leaseMs, now())) return
    throw new Failure('conflict', `the ${name} key is being rotated already: wait until that is done`)
  }

  async function reencryptAll(all: Keyring, holder: string): Promise<number> {
    const [{ id: keyId }] = all
    let count = 0
    for (const holding of holdings) {
      for (;;) {
        const stale = await holding(keyId)
        for (const { ciphertext, identity, replace } of stale) {
          await replace({ ciphertext: encrypt(all, decrypt(all, ciphertext, identity), identity), keyId })
        }
        count += stale.length
        await hold(holder)
        if (stale.length === 0) break
      }
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
        if (!isGiven) await forgetFormer(file, all)
        return count
      } finally {
        await settings.lease(`${name}-key-rotation`, holder, 0, now())
      }
    }
  }
}

/** The key before the new one stays: another process may be writing with it at this moment. Those before it are not needed any more. */
async function forgetFormer(file: string, [current, former]: Keyring): Promise<void> {
  if (former === undefined) throw new Failure('invalid-configuration', 'a rotation leaves two keys')
  await replaceKeyring(file, [current, former])
}
