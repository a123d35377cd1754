import { existsSync } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Failure, type Store } from '@slipway/domain'
import { createRegistryClient } from '@slipway/registry'
import { cleanUpLease, storeConfig, whileLeased } from '@slipway/service'
import { createStore, dumpStore, type StoreConfig } from '@slipway/store'
import { archiveOf, type Entry, entryOf } from './archive.ts'
import { type BackupKeys, createEncrypter } from './encryption.ts'
import { createImageExport, type ImageExport } from './images.ts'
import { type BackupHead, backupConfig, lockUnlessRunning, openRegistry, stateFiles } from './state.ts'

export interface BackupOptions {
  env: Record<string, string | undefined>
  file: string
  keys: BackupKeys
  now: () => number
}

export interface BackupReport {
  file: string
  bytes: number
  images: number
  /** Images that the registry does not have: they cannot be in the backup. */
  missing: string[]
  /** Where the images stay that are not in it; null when they are. */
  externalRegistry: string | null
}

/** Lines of a dump that go into one entry of the archive. */
const entryLimit = 1024 * 1024

/**
 * Writes all that an installation is into one encrypted file, while it runs: the store as it is at one moment, the files of the
 * state directory with the keys, and the images that are live or kept for rollbacks. Nothing is cleaned up meanwhile.
 *
 * @throws Failure `not-found` when there is no installation, `conflict` while it is being cleaned up
 */
export async function backup({ env, file, keys, now }: BackupOptions, signal: AbortSignal): Promise<BackupReport> {
  const config = backupConfig(env)
  const home = resolve(config.SLIPWAY_HOME)
  const encrypter = createEncrypter(keys)
  const database = storeConfig(config)
  if (!existsSync(home) || (database.url === null && !existsSync(database.file))) {
    throw new Failure('not-found', `no Slipway was ever started in ${home}: set SLIPWAY_HOME to where it was`)
  }
  await using opened = new AsyncDisposableStack()
  const lock = await lockUnlessRunning(home)
  opened.defer(() => lock?.release())
  const store = await createStore(database)
  opened.defer(() => store.close())
  const { REGISTRY: externalRegistry = null } = config
  const own = externalRegistry === null ? await openRegistry(home, lock === null) : null
  opened.defer(() => own?.close())

  return await whileLeased({ settings: store.settings, name: cleanUpLease, now }, signal, async (held) => {
    const images = createImageExport(createRegistryClient({}), held)
    const entries = entriesOf({ home, store, database, images, registry: own?.host ?? null, keep: config, now })
    const encrypted = await encrypter.encrypt(archiveOf(entries))
    const bytes = await write(file, encrypted, held)
    return { file, bytes, images: images.count(), missing: images.missing(), externalRegistry }
  })
}

interface Parts {
  home: string
  store: Pick<Store, 'retention'>
  database: StoreConfig
  images: ImageExport
  registry: string | null
  keep: { KEEP_ROLLBACKS: number }
  now: () => number
}

async function* entriesOf({ home, store, database, images, registry, keep, now }: Parts): AsyncGenerator<Entry> {
  const files = await stateFiles(home)
  const head: BackupHead = { slipwayBackup: 1, createdAt: now(), files, registry }
  yield entryOf('backup.json', JSON.stringify(head))
  for (const name of files) yield entryOf(`home/${name}`, await readFile(join(home, name)))

  const neededImages = async function* (): AsyncGenerator<Entry> {
    if (registry === null) return
    const needed = await store.retention.neededImages(keep.KEEP_ROLLBACKS)
    yield* images.entries([...needed].filter((image) => image.startsWith(`${registry}/`)))
  }
  // Before the store, so that whoever restores has all of them by then; those that went live meanwhile come after it.
  yield* neededImages()
  yield* storeEntries(database)
  yield* neededImages()
}

async function* storeEntries(database: StoreConfig): AsyncGenerator<Entry> {
  let part = 0
  let lines: string[] = []
  let length = 0
  const take = (): Entry => {
    const entry = entryOf(`store/${String(++part).padStart(6, '0')}.jsonl`, `${lines.join('\n')}\n`)
    lines = []
    length = 0
    return entry
  }
  for await (const line of dumpStore(database)) {
    lines.push(line)
    length += line.length
    if (length >= entryLimit) yield take()
  }
  if (lines.length > 0) yield take()
}

/** Under another name until it is whole. */
async function write(file: string, content: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<number> {
  const partial = `${file}.partial`
  try {
    await rm(partial, { force: true })
    await using target = await open(partial, 'wx', 0o600)
    for await (const chunk of content) {
      signal.throwIfAborted()
      // All of it, or an error: `write` may take a part, as when the disk becomes full.
      await target.writeFile(chunk)
    }
    await target.sync()
    const { size } = await target.stat()
    await rename(partial, file)
    return size
  } catch (err) {
    await rm(partial, { force: true })
    throw fileFailure(err, file)
  }
}

function fileFailure(err: unknown, file: string): unknown {
  const code = err instanceof Error && 'code' in err ? String(err.code) : ''
  if (code === 'ENOSPC') {
    return new Failure('disk-full', `the disk of ${file} is full: choose another place for the backup`, { cause: err })
  }
  const isPath = ['ENOENT', 'EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENOTDIR'].includes(code)
  return isPath ? new Failure('invalid-request', `${file} cannot be written (${code})`, { cause: err }) : err
}
