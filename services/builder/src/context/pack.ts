import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { Failure } from '@slipway/domain'
import { pack as createPack, type Header, type Pack } from 'tar-stream'
import { type ContextFile, contentOf } from './scan.ts'

/** A context's entry with what its key was made from. */
export type PackedEntry =
  | (ContextFile & { path: string; sha256: string })
  | { kind: 'link'; path: string; target: string }

/** A tar of the entries, in their order, whose bytes depend on them alone: no times, owners or modes of this machine. */
export function packContext(entries: readonly PackedEntry[]): Readable {
  const pack = createPack()
  write(pack, entries).catch((err: unknown) => pack.destroy(err instanceof Error ? err : new Error(String(err))))
  // A stream of Node's own: what the library gives is none, and not all who read streams take it.
  return Readable.from(pack, { objectMode: false })
}

async function write(pack: Pack, entries: readonly PackedEntry[]): Promise<void> {
  const folders = new Set<string>()
  for (const entry of entries) {
    for (const folder of foldersAbove(entry.path)) {
      if (folders.has(folder)) continue
      folders.add(folder)
      await add(pack, { name: `${folder}/`, type: 'directory', mode: 0o755 })
    }
    if (entry.kind === 'link')
      await add(pack, { name: entry.path, type: 'symlink', mode: 0o777, linkname: entry.target })
    else
      await add(
        pack,
        { name: entry.path, type: 'file', mode: entry.isExecutable ? 0o755 : 0o644, size: entry.size },
        verified(entry)
      )
  }
  pack.finalize()
}

function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}

async function add(
  pack: Pack,
  header: Partial<Header> & Pick<Header, 'name'>,
  content?: AsyncIterable<Buffer>
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<null>()
  const sink = pack.entry({ ...header, mtime: new Date(0), uid: 0, gid: 0 }, (err) =>
    err ? reject(err) : resolve(null)
  )
  sink.on('error', () => {}) // told by the callback
  if (content === undefined) {
    await promise
    return
  }
  promise.catch(() => {}) // awaited below, unless reading fails first
  for await (const chunk of content) {
    if (!sink.write(chunk)) await Promise.race([once(sink, 'drain'), promise])
  }
  sink.end(null)
  await promise
}

/** The bytes of a file, which are an error if they are not those that the key was made from. */
async function* verified(entry: ContextFile & { path: string; sha256: string }): AsyncGenerator<Buffer> {
  const { path, size, sha256 } = entry
  const hash = createHash('sha256')
  let sent = 0
  const changed = () =>
    new Failure(
      'unavailable',
      `${JSON.stringify(path)} changed while the build was being sent: the build is tried again`
    )
  for await (const chunk of contentOf(entry)) {
    hash.update(chunk)
    sent += chunk.length
    if (sent > size) throw changed()
    yield chunk
  }
  if (sent !== size || hash.digest('hex') !== sha256) throw changed()
}
