import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Header, pack } from 'tar-stream'
import { createUploads, type UploadsOptions } from './uploads.ts'

export const signal = new AbortController().signal

export async function folderForTest(t: TestContext, files: Record<string, string> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-source-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  return directory
}

export async function uploadsForTest(t: TestContext, options: Partial<UploadsOptions> = {}) {
  const directory = await folderForTest(t)
  const root = join(directory, 'uploads')
  return {
    root,
    out: join(directory, 'out'),
    uploads: createUploads({ root, now: Date.now, ...options }),
    /** What lies in the store, however it got there. */
    async kept(): Promise<string[]> {
      const names = await readdir(root, { recursive: true }).catch(() => [])
      return names.filter((name) => name !== 'incoming').sort()
    }
  }
}

type TarEntry = Omit<Partial<Header>, 'pax'> & { name: string; text?: string; pax?: Record<string, string> }

/** A tar that holds what it is told to, however odd. */
export async function tarOf(...entries: TarEntry[]): Promise<Buffer> {
  const tar = pack()
  for (const { text = '', ...header } of entries) {
    const isFile = header.type === undefined || header.type === 'file'
    if (isFile) tar.entry({ mode: 0o644, ...header }, text)
    else tar.entry({ mode: 0o644, ...header }).end(null)
  }
  tar.finalize()
  const parts: Buffer[] = []
  for await (const part of tar) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

export async function* inPieces(bytes: Buffer, size = 700): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}
