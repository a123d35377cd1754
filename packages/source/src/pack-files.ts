import { Readable } from 'node:stream'
import { pack } from 'tar-stream'

/** A folder that was never one: the same files always give the same bytes. */
export function packFiles(files: Readonly<Record<string, string>>): Readable {
  const tar = pack()
  const sorted = Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1))
  for (const [name, text] of sorted) tar.entry({ name, mtime: new Date(0) }, text)
  tar.finalize()
  return Readable.from(tar, { objectMode: false })
}
