import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { labels, shortInstallation } from '../labels.ts'
import { type Engine, longCallMs, statusOf } from './engine.ts'

/**
 * The smallest program that waits, for Linux on x86-64: the header of an ELF file, that of its one segment (everything, readable
 * and executable, at 0x400000), and nine bytes of code: `again: mov eax, 34 (pause); syscall; jmp again`.
 */
const pauseProgram = Buffer.from(
  [
    '7f454c46020101000000000000000000 0200 3e00 01000000 7800400000000000 4000000000000000 0000000000000000',
    '00000000 4000 3800 0100 0000 0000 0000',
    '01000000 05000000 0000000000000000 0000400000000000 0000400000000000 8100000000000000 8100000000000000',
    '0010000000000000',
    'b822000000 0f05 ebf7'
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex'
)

/** In OCI's words, what the program is for. */
export const pauseArchitecture = 'amd64'

/**
 * Makes sure that the engine has an image of one program that only waits, and returns its name.
 * It is made here: nothing can be pulled everywhere, and a function's own image need not hold a program that waits.
 */
export async function ensurePauseImage(engine: Engine, installation: string, signal: AbortSignal): Promise<string> {
  const repo = `slipway/pause-${shortInstallation(installation)}`
  const tag = '1'
  const name = `${repo}:${tag}`
  try {
    await engine.call('inspect an image', signal, (docker) => docker.getImage(name).inspect())
    return name
  } catch (err) {
    if (statusOf(err) !== 404) throw err
  }
  const archive = pack()
  archive.entry({ name: 'pause', mode: 0o555 }, pauseProgram)
  archive.finalize()
  const changes = ['ENTRYPOINT ["/pause"]', 'USER 65534:65534', `LABEL ${labels.installation}=${installation}`]
  await engine.call(
    'import an image',
    signal,
    async (docker) => {
      const answer = await docker.importImage(Readable.from(archive), { repo, tag, changes })
      for await (const _piece of answer) continue // it is done when it has told all
    },
    longCallMs
  )
  return name
}
