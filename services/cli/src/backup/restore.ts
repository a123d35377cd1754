import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Failure } from '@slipway/domain'
import { createRegistryClient } from '@slipway/registry'
import { storeConfig } from '@slipway/service'
import { lockDirectory } from '@slipway/service/directory-lock'
import { refuseWhileInUse, restoreStore } from '@slipway/store'
import { type ReadEntry, readArchive, textOf } from './archive.ts'
import { createDecrypter, decrypted, type RestoreKeys } from './encryption.ts'
import { createImageImport, type ImageImport } from './images.ts'
import { type BackupHead, backupConfig, openRegistry, stagingOf } from './state.ts'

export interface RestoreOptions {
  env: Record<string, string | undefined>
  file: string
  keys: RestoreKeys
  /** Puts what is there aside. */
  force: boolean
  now: () => number
}

export interface RestoreReport {
  createdAt: number
  rows: number
  images: number
  /** Where that was put which was there before; null when there was nothing. */
  aside: string | null
}

/** Of the machine, not of the installation: what is there stays. */
const machineFiles = new Set(['bases.json'])

/**
 * Makes an installation of a backup, which is then started with `slipway up`. Everything is put together aside
 * and takes its place at the end; a PostgreSQL is filled in one transaction.
 *
 * @throws Failure `conflict` when there is an installation already, or it runs; `forbidden` for another key than the backup's;
 *   `invalid-request` for what is no whole backup
 */
export async function restore(options: RestoreOptions, signal: AbortSignal): Promise<RestoreReport> {
  const config = backupConfig(options.env)
  const home = resolve(config.SLIPWAY_HOME)
  const decrypter = await createDecrypter(options.keys)
  if (!existsSync(options.file)) throw new Failure('not-found', `there is no backup ${options.file}`)
  await mkdir(home, { recursive: true, mode: 0o700 })
  await using opened = new AsyncDisposableStack()
  const lock = await lockDirectory(home)
  opened.defer(() => lock.release())
  const staging = stagingOf(home)
  await rm(staging, { recursive: true, force: true })
  await mkdir(staging, { mode: 0o700 })
  opened.defer(() => rm(staging, { recursive: true, force: true }))

  const encrypted = Readable.toWeb(createReadStream(options.file)) as ReadableStream<Uint8Array>
  const entries = readArchive(await decrypted(decrypter, encrypted))
  const first = await entries.next()
  const head = first.done ? null : parseHead(first.value.name, await textOf(first.value.body))
  if (head === null) throw new Failure('invalid-request', `${basename(options.file)} is no backup of Slipway`)

  const database = storeConfig(config)
  const occupied = [...(database.url === null ? ['store.sqlite'] : []), 'registry', ...head.files].filter(
    (name) => !machineFiles.has(name) && existsSync(join(home, name))
  )
  if (occupied.length > 0 && !options.force) {
    throw new Failure(
      'conflict',
      `${home} holds an installation already (${occupied.join(', ')}): restore into an empty SLIPWAY_HOME, or use --force, which puts it aside`
    )
  }
  await refuseWhileInUse(database, options.now())
  // A file is made beside the old one and takes its place later.
  const target = database.url === null ? { url: null, file: join(staging, 'store.sqlite') } : database
  const { rows, images } = await unpack({ entries, head, staging, target, options }, signal)
  const aside = await putInPlace({ home, staging, occupied, now: options.now() })
  return { createdAt: head.createdAt, rows, images, aside }
}

function parseHead(name: string, text: string): BackupHead | null {
  if (name !== 'backup.json') return null
  const head = JSON.parse(text) as Partial<BackupHead>
  return head.slipwayBackup === 1 && Array.isArray(head.files) ? (head as BackupHead) : null
}

interface Unpacking {
  entries: AsyncGenerator<ReadEntry>
  head: BackupHead
  staging: string
  target: { url: string | null; file: string }
  options: Pick<RestoreOptions, 'force' | 'now'>
}

async function unpack(
  { entries, head, staging, target, options }: Unpacking,
  signal: AbortSignal
): Promise<{ rows: number; images: number }> {
  await using opened = new AsyncDisposableStack()
  let images: ImageImport | null = null
  let rows: number | null = null
  for (let next = await entries.next(); !next.done; ) {
    signal.throwIfAborted()
    const entry = next.value
    if (entry.name.startsWith('store/')) {
      const lines = storeLines(entries, entry)
      const how = { force: options.force, dumpedAt: head.createdAt, now: options.now() }
      rows = (await restoreStore(target, lines.read(), how)).rows
      next = await lines.rest()
      continue
    }
    if (entry.name.startsWith('home/')) await writeFile(staging, head, entry)
    else {
      if (images === null) {
        // Its port stands in the files, which come first.
        const registry = await openRegistry(staging, false)
        opened.defer(() => registry.close())
        if (registry.host !== head.registry) throw new Failure('invalid-request', 'the backup names another registry')
        images = createImageImport(createRegistryClient({}), signal)
      }
      if (!(await images.take(entry))) throw new Failure('invalid-request', `the backup holds "${entry.name}"`)
    }
    next = await entries.next()
  }
  await images?.finish()
  if (rows === null) throw new Failure('invalid-request', 'the backup holds no store')
  return { rows, images: images?.count() ?? 0 }
}

async function writeFile(staging: string, head: BackupHead, { name, body }: ReadEntry): Promise<void> {
  const file = name.slice('home/'.length)
  if (!head.files.includes(file) || file !== basename(file)) {
    throw new Failure('invalid-request', `the backup holds "${name}", which is no file of a state directory`)
  }
  await pipeline(body, createWriteStream(join(staging, file), { flags: 'wx', mode: 0o600 }))
}

/** The lines of entries that follow each other. What comes after them is kept for who reads on. */
function storeLines(entries: AsyncGenerator<ReadEntry>, first: ReadEntry) {
  let next: IteratorResult<ReadEntry, unknown> = { done: false, value: first }
  let isOver = false
  return {
    async *read(): AsyncGenerator<string> {
      while (!next.done && next.value.name.startsWith('store/')) {
        yield* (await textOf(next.value.body)).split('\n').filter((line) => line !== '')
        next = await entries.next()
      }
      isOver = true
    },
    /** A dump says itself where it ends. */
    async rest(): Promise<IteratorResult<ReadEntry, unknown>> {
      if (!isOver) next = await entries.next()
      return next
    }
  }
}

async function putInPlace(of: {
  home: string
  staging: string
  occupied: string[]
  now: number
}): Promise<string | null> {
  const { home, staging, occupied, now } = of
  let aside: string | null = null
  if (occupied.length > 0) {
    aside = join(home, `before-restore-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`)
    await mkdir(aside, { mode: 0o700 })
    const files = occupied.flatMap((name) => (name === 'store.sqlite' ? [name, `${name}-wal`, `${name}-shm`] : [name]))
    for (const name of files) if (existsSync(join(home, name))) await rename(join(home, name), join(aside, name))
  }
  // The queue holds hints of another time, mirrors are made anew: neither is in the way of anything but a wrong conclusion.
  await rm(join(home, 'redis'), { recursive: true, force: true })
  for (const name of await namesIn(staging)) {
    const isKept = machineFiles.has(name) && existsSync(join(home, name))
    if (!isKept) await rename(join(staging, name), join(home, name))
  }
  return aside
}

async function namesIn(directory: string): Promise<string[]> {
  // The database last: without it there is no installation.
  return (await readdir(directory)).sort((a, b) => Number(a.startsWith('store.')) - Number(b.startsWith('store.')))
}
