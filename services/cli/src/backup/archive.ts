import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Failure } from '@slipway/domain'
import { extract, pack } from 'tar-stream'

/** One file of the archive, which is a tar. */
export interface Entry {
  name: string
  size: number
  body: Uint8Array | ReadableStream<Uint8Array>
}

export function entryOf(name: string, content: string | Uint8Array): Entry {
  const body = typeof content === 'string' ? Buffer.from(content) : content
  return { name, size: body.length, body }
}

/** The archive as it is made: an entry is asked for when the one before it was taken. */
export function archiveOf(entries: AsyncIterable<Entry>): ReadableStream<Uint8Array> {
  const tar = pack()
  const fill = async (): Promise<void> => {
    for await (const { name, size, body } of entries) {
      const entry = tar.entry({ name, size, mode: 0o600, mtime: new Date(0) })
      await pipeline(body instanceof Uint8Array ? Readable.from([body]) : Readable.fromWeb(body as never), entry)
    }
    tar.finalize()
  }
  fill().catch((err: unknown) => tar.destroy(err instanceof Error ? err : new Error(String(err))))
  return Readable.toWeb(Readable.from(tar, { objectMode: false })) as ReadableStream<Uint8Array>
}

export interface ReadEntry {
  name: string
  size: number
  /** To be read, or left alone, before the next one is asked for. */
  body: AsyncIterable<Uint8Array>
}

/** @throws Failure `invalid-request` for what is no archive, or only a part of one */
export async function* readArchive(stream: ReadableStream<Uint8Array>): AsyncGenerator<ReadEntry> {
  const tar = extract()
  const reading = pipeline(Readable.fromWeb(stream as never), tar)
  reading.catch(() => null) // told by the loop
  try {
    for await (const entry of tar) {
      yield { name: entry.header.name, size: entry.header.size ?? 0, body: entry as AsyncIterable<Uint8Array> }
      entry.resume()
    }
    await reading
  } catch (err) {
    if (err instanceof Failure) throw err
    throw new Failure('invalid-request', 'the backup is damaged, or was cut short', { cause: err })
  }
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}
