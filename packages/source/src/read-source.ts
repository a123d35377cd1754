import { createHash, type Hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Failure } from '@slipway/domain'
import { extract, type Header } from 'tar-stream'
import { createEntryCheck, type SourceEntry, type SourceLimits } from './entry-check.ts'

/** What was read: its id is the SHA-256 of the tar, so that the same folder has the same one wherever it comes from. */
export interface ReadSource {
  commit: string
  files: number
}

/** Takes one entry that was found harmless; of a file its bytes, which have to be read to the end. */
export type TakeEntry = (entry: SourceEntry, content: AsyncIterable<Uint8Array>) => Promise<void>

type Content = AsyncIterable<Uint8Array> & { resume(): unknown }

/** A tar has padding and headers besides its files; more than this for each file is something else. */
const overheadBytes = 8 * 1024

/**
 * Reads a tar, plain or in gzip, to its end, and judges each entry before it is taken. Holds no more than a piece of it.
 *
 * @throws Failure `unsafe-path`, `limit-exceeded`, `invalid-payload`; what `take` throws
 */
export async function readSource(
  input: AsyncIterable<Uint8Array>,
  limits: SourceLimits,
  take: TakeEntry,
  signal: AbortSignal
): Promise<ReadSource> {
  const check = createEntryCheck(limits)
  const hash = createHash('sha256')
  const tar = extract()
  let files = 0

  async function takeOne(header: Header, content: Content): Promise<void> {
    const entry = check(header)
    if (entry?.kind !== 'file') content.resume()
    if (entry === null) return
    await take(entry, content)
    if (entry.kind === 'file') files += 1
  }

  async function pass(header: Header, content: Content, next: (err?: Error) => void): Promise<void> {
    try {
      await takeOne(header, content)
      next()
    } catch (err) {
      next(err instanceof Error ? err : new Error(String(err)))
    }
  }

  const ended = new Promise<void>((resolve, reject) => {
    tar.on('entry', (header, content, next) => {
      content.on('error', () => {}) // told by the tar
      void pass(header, content as unknown as Content, next)
    })
    tar.on('finish', resolve)
    tar.on('error', reject)
    tar.on('close', () => reject(signal.reason ?? new Error('the tar was left before its end')))
  })
  ended.catch(() => null) // awaited below
  const stop = () => tar.destroy(signal.reason as Error)
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    for await (const chunk of counted(input, limits, hash)) {
      // The reader waits for whoever takes the entries: so no more is held than a piece.
      if (!tar.write(chunk))
        await Promise.race([ended, new Promise((resolve) => tar.once('drain', () => resolve(null)))])
    }
    tar.end(null)
    await ended
  } catch (err) {
    tar.destroy()
    signal.throwIfAborted()
    throw translate(err)
  } finally {
    signal.removeEventListener('abort', stop)
  }
  if (files === 0) throw new Failure('invalid-payload', 'the folder that was sent holds no file')
  return { commit: hash.digest('hex'), files }
}

/** The bytes of the tar itself, of which there are only so many. */
async function* counted(input: AsyncIterable<Uint8Array>, limits: SourceLimits, hash: Hash) {
  const most = limits.bytes + 2 * limits.files * overheadBytes
  let bytes = 0
  for await (const chunk of unzipped(input)) {
    bytes += chunk.length
    if (bytes > most) {
      throw new Failure('limit-exceeded', `what was sent is more than ${Math.round(most / 1024 ** 2)} MiB unpacked`)
    }
    hash.update(chunk)
    yield chunk
  }
}

async function* unzipped(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { first, all } = await beginning(input)
  if (first[0] !== 0x1f || first[1] !== 0x8b) return yield* all
  const source = Readable.from(all, { objectMode: false })
  const gunzip = createGunzip()
  source.on('error', (err) => gunzip.destroy(err))
  try {
    yield* source.pipe(gunzip)
  } finally {
    source.destroy()
    gunzip.destroy()
  }
}

/** The first two bytes, and everything. */
async function beginning(input: AsyncIterable<Uint8Array>) {
  const iterator = input[Symbol.asyncIterator]()
  const held: Uint8Array[] = []
  let length = 0
  while (length < 2) {
    const { done, value } = await iterator.next()
    if (done === true) break
    held.push(value)
    length += value.length
  }
  async function* all() {
    try {
      yield* held
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return?.()
    }
  }
  return { first: Buffer.concat(held), all: all() }
}

function translate(err: unknown): unknown {
  if (err instanceof Failure) return err
  const code = (err as NodeJS.ErrnoException | null)?.code ?? ''
  // What the disk says is not the sender's fault.
  if (/^E[A-Z]+$/.test(code)) return err
  return new Failure('invalid-payload', 'what was sent is no tar archive, or only a part of one', { cause: err })
}
