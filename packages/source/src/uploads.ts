import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure, isCommit } from '@slipway/domain'
import { defaultSourceLimits, type SourceEntry, type SourceLimits } from './entry-check.ts'
import { readSource, type TakeEntry } from './read-source.ts'

export interface UploadsOptions {
  /** The folder that they are kept in; several processes may share it. */
  root: string
  /** Of one upload as it is sent. */
  limitBytes?: number
  limits?: SourceLimits
  now: () => number
}

export interface ReceivedUpload {
  /** The id that it is found by: SHA-256 of the tar. The same folder sent again has the same one. */
  commit: string
  files: number
  /** As it was sent. */
  bytes: number
}

/** Folders that were sent to be deployed, each kept as it was sent under the id of its content. */
export interface Uploads {
  /**
   * Takes a tar, plain or in gzip. It is on the disk once this returns; what is refused leaves nothing behind.
   *
   * @throws Failure `payload-too-large`, `unsafe-path`, `limit-exceeded`, `invalid-payload`, `disk-full`
   */
  receive(input: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<ReceivedUpload>
  /**
   * Writes the files into an empty folder. Each entry is judged again.
   *
   * @throws Failure `commit-not-found` when it is not kept any more, `unavailable` when what is kept is damaged
   */
  checkout(commit: string, directory: string, signal: AbortSignal): Promise<void>
  /**
   * One file of it; null: it has none of this name.
   *
   * @throws Failure `commit-not-found` when it is not kept any more
   */
  read(commit: string, path: string, signal: AbortSignal): Promise<Buffer | null>
  /** Removes those that are not needed and came more than an hour ago, and what was never sent to its end. */
  sweep(needed: ReadonlySet<string>, signal: AbortSignal): Promise<{ count: number; bytes: number }>
}

/** From the arrival of an upload to its build in the store it takes a moment; slow ones take a while to arrive. */
const graceMs = 3600_000

export function createUploads({
  root,
  limitBytes = 100 * 1024 ** 2,
  limits = defaultSourceLimits,
  now
}: UploadsOptions): Uploads {
  const incoming = join(root, 'incoming')

  /** Goes through an upload's entries. Returns the id that its content has. */
  async function take(commit: string, each: TakeEntry, signal: AbortSignal): Promise<string> {
    if (!isCommit(commit)) throw new Failure('commit-not-found', 'there is no upload of this id')
    // Opened only for who reads it: nobody else would close it, or hear that it is not there.
    signal.throwIfAborted()
    const reading = readSource(createReadStream(join(root, commit)), limits, each, signal)
    const read = await reading.catch((err: unknown) => {
      signal.throwIfAborted()
      if ((err as NodeJS.ErrnoException).code === 'ENOENT') throw gone(err)
      throw translate(err)
    })
    return read.commit
  }

  return {
    async receive(input, signal) {
      await mkdir(incoming, { recursive: true, mode: 0o700 })
      const path = join(incoming, randomUUID())
      let bytes = 0
      try {
        const file = await open(path, 'wx', 0o600)
        try {
          async function* saved() {
            for await (const chunk of input) {
              bytes += chunk.length
              if (bytes > limitBytes) throw tooLarge(limitBytes)
              await file.appendFile(chunk)
              yield chunk
            }
          }
          const { commit, files } = await readSource(saved(), limits, drain, signal)
          await file.sync()
          await rename(path, join(root, commit))
          await syncFolder(root)
          return { commit, files, bytes }
        } finally {
          await file.close()
        }
      } catch (err) {
        await rm(path, { force: true })
        throw translate(err)
      }
    },

    async checkout(commit, directory, signal) {
      const found = await take(commit, (entry, content) => write(directory, entry, content), signal)
      if (found === commit) return
      await unlink(join(root, commit))
      throw new Failure('unavailable', 'the files that were uploaded are damaged on the disk: deploy the folder again')
    },

    async read(commit, path, signal) {
      let found: Buffer | null = null
      const keep: TakeEntry = async (entry, content) => {
        const parts = await Array.fromAsync(content)
        if (entry.kind === 'file' && entry.path === path) found = Buffer.concat(parts)
      }
      await take(commit, keep, signal)
      return found
    },

    async sweep(needed, signal) {
      const removed = { count: 0, bytes: 0 }
      for (const folder of [root, incoming]) {
        for (const name of await namesIn(folder)) {
          signal.throwIfAborted()
          const path = join(folder, name)
          const known = await stat(path).catch(() => null)
          const isOld = known !== null && now() - known.mtimeMs > graceMs
          if (known === null || !known.isFile() || !isOld || (folder === root && needed.has(name))) continue
          await rm(path, { force: true })
          removed.count += 1
          removed.bytes += known.size
        }
      }
      return removed
    }
  }
}

async function drain(_entry: SourceEntry, content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _chunk of content);
}

/** Nothing that is there is written over or through: the check has seen to it that there is nothing, this makes sure. */
async function write(directory: string, entry: SourceEntry, content: AsyncIterable<Uint8Array>): Promise<void> {
  const path = join(directory, entry.path)
  if (entry.kind === 'folder') return void (await mkdir(path, { recursive: true, mode: 0o755 }))
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  if (entry.kind === 'link') return symlink(entry.target, path)
  await writeFile(path, content, { flag: 'wx', mode: entry.isExecutable ? 0o755 : 0o644 })
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return [] // nothing was ever sent
    throw err
  })
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function tooLarge(limitBytes: number): Failure {
  return new Failure(
    'payload-too-large',
    `a folder may have ${Math.round(limitBytes / 1024 ** 2)} MiB as it is sent (UPLOAD_LIMIT_MB): list what is not needed in .dockerignore`
  )
}

function gone(cause: unknown): Failure {
  return new Failure('commit-not-found', 'the uploaded files are not kept any more: deploy the folder again', { cause })
}

function translate(err: unknown): unknown {
  if (err instanceof Failure) return err
  const { code } = err as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Failure('disk-full', 'there is no room on the disk for what was uploaded', { cause: err })
  }
  return err
}
