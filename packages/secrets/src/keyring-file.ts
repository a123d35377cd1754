import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { formatKeyring, type Keyring, newEncryptionKey, parseKeyring } from './keyring.ts'

/**
 * The encryption keys in a file that only its user may read, made with a first key when it is not there.
 * It is read each time: several processes share it, and one of them may rotate the keys.
 *
 * @throws Failure `invalid-configuration` for a file that holds none.
 */
export async function ensureKeyring(path: string): Promise<Keyring> {
  const known = await read(path)
  if (known !== null) return known
  await mkdir(dirname(path), { recursive: true })
  const made = await write(path, [newEncryptionKey()])
  try {
    // Unlike a rename this fails where another process was first.
    await link(made, path)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err
  } finally {
    await rm(made)
  }
  return parseKeyring(await readFile(path, 'utf8'), path)
}

/** The keys that a setting gives; without it those in the file, read each time. @throws Failure `invalid-configuration` */
export function keyringOf({
  keys,
  setting,
  file
}: {
  keys: string | null
  setting: string
  file: string
}): () => Promise<Keyring> {
  const given = keys === null ? null : parseKeyring(keys, setting)
  return async () => given ?? (await ensureKeyring(file))
}

/** Puts other keys in place of those in the file, all at once. */
export async function replaceKeyring(path: string, keyring: Keyring): Promise<void> {
  await rename(await write(path, keyring), path)
}

async function read(path: string): Promise<Keyring | null> {
  try {
    return parseKeyring(await readFile(path, 'utf8'), path)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw err
  }
}

async function write(path: string, keyring: Keyring): Promise<string> {
  const temporary = `${path}.${randomUUID()}`
  await using file = await open(temporary, 'wx', 0o600)
  await file.writeFile(`${formatKeyring(keyring)}\n`)
  await file.sync()
  return temporary
}
