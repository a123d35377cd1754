import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import tar from 'tar-stream'

/** What every pod's sandbox runs: an image of the one program, as an archive that `ctr images import` takes. */
export async function writePauseImage(program: string, reference: string, file: string): Promise<void> {
  const layer = await archive([{ name: 'pause', mode: 0o755, content: await readFile(program) }])
  const config = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: ['/pause'], User: '65535:65535' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] }
  })
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [reference], Layers: ['layer.tar'] }])
  await writeFile(
    file,
    await archive([
      { name: 'layer.tar', content: layer },
      { name: 'config.json', content: config },
      { name: 'manifest.json', content: manifest }
    ])
  )
}

function archive(files: { name: string; mode?: number; content: Buffer | string }[]): Promise<Buffer> {
  const pack = tar.pack()
  for (const { content, ...header } of files) pack.entry(header, content)
  pack.finalize()
  return buffer(pack)
}
