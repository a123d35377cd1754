import { readFile } from 'node:fs/promises'
import { Failure } from '@slipway/domain'
import { Decrypter, Encrypter } from 'age-encryption'

/** Backups are files of `age` (https://age-encryption.org/v1): its own program opens them as well. */

export interface BackupKeys {
  passphrase: string | undefined
  /** `age1…` */
  recipients: string[]
}

export interface RestoreKeys {
  passphrase: string | undefined
  /** A file of `age-keygen`: lines of `AGE-SECRET-KEY-1…`. */
  identityFile: string | undefined
}

const passphraseLimit = 12

/** @throws Failure `invalid-configuration` without a key: a backup holds the keys of all secrets, and is never written in the clear */
export function createEncrypter({ passphrase, recipients }: BackupKeys): Encrypter {
  const encrypter = new Encrypter()
  if (recipients.length > 0) {
    for (const recipient of recipients) addRecipient(encrypter, recipient)
    return encrypter
  }
  if (passphrase === undefined || passphrase.length < passphraseLimit) {
    throw new Failure(
      'invalid-configuration',
      `a backup holds every secret and is only written encrypted: set BACKUP_PASSPHRASE (${passphraseLimit} characters at least), or give --recipient age1… (a key of age-keygen)`
    )
  }
  encrypter.setPassphrase(passphrase)
  return encrypter
}

function addRecipient(encrypter: Encrypter, recipient: string): void {
  try {
    encrypter.addRecipient(recipient)
  } catch (err) {
    throw new Failure('invalid-configuration', `"${recipient}" is no recipient of age: it begins with age1`, {
      cause: err
    })
  }
}

/** @throws Failure `invalid-configuration` */
export async function createDecrypter({ passphrase, identityFile }: RestoreKeys): Promise<Decrypter> {
  const decrypter = new Decrypter()
  if (identityFile !== undefined) {
    for (const identity of await identitiesIn(identityFile)) decrypter.addIdentity(identity)
    return decrypter
  }
  if (passphrase === undefined) {
    throw new Failure('invalid-configuration', 'set BACKUP_PASSPHRASE, or give --identity with the file of age-keygen')
  }
  decrypter.addPassphrase(passphrase)
  return decrypter
}

async function identitiesIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((err: unknown) => {
    throw new Failure('invalid-configuration', `the identity file ${file} cannot be read`, { cause: err })
  })
  const identities = text.split('\n').filter((line) => line.startsWith('AGE-SECRET-KEY-'))
  if (identities.length === 0) throw new Failure('invalid-configuration', `${file} holds no AGE-SECRET-KEY`)
  return identities.map((line) => line.trim())
}

/** @throws Failure `forbidden` for another key than it was written with */
export async function decrypted(
  decrypter: Decrypter,
  encrypted: ReadableStream<Uint8Array>
): Promise<ReadableStream<Uint8Array>> {
  try {
    return await decrypter.decrypt(encrypted)
  } catch (err) {
    throw new Failure(
      'forbidden',
      'the backup cannot be opened: it is no file of age, or was written with another key',
      {
        cause: err
      }
    )
  }
}
