import { Readable } from 'node:stream'
import { extract } from 'tar-stream'

/** The text of one file of a tar archive, which is read no further than needed; null when it is not there. */
export async function readFromTar(tar: Readable | Buffer, path: string): Promise<string | null> {
  const wanted = normal(path)
  const source = Buffer.isBuffer(tar) ? Readable.from([tar]) : tar
  const entries = extract()
  source.on('error', (err) => entries.destroy(err))
  source.pipe(entries)
  try {
    for await (const entry of entries) {
      if (entry.header.type !== 'file' || normal(entry.header.name) !== wanted) {
        entry.resume()
        continue
      }
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString('utf8')
    }
    return null
  } finally {
    source.destroy()
  }
}

function normal(path: string): string {
  return path.replace(/^(?:\.?\/)+/, '')
}
