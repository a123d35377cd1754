import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type Docker from 'dockerode'
import { importImage } from './image-import.ts'

const run = promisify(execFile)
const program = new URL('function-program.mjs', import.meta.url)
const repository = 'slipway-test-function'

/** How a function of `functionImage` behaves; nothing set is a function that answers `hello` and is ready at once. */
export interface FunctionBehaviour {
  /** What `GET /` answers. */
  answer?: string
  /** Until then the ready path answers 503. */
  readyAfterMs?: number
  /** Until then nothing listens. */
  listenAfterMs?: number
  /** `/_/ready` when not set. Every other path below `/_/` answers 404. */
  readyPath?: string
  /** What the ready path answers; 200 when not set. */
  readyStatus?: number
  /** After so many times of being ready it answers 429, as one does that has all the calls that it takes. */
  busyAfter?: number
  listenPort?: number
  /** Every answer takes so long. */
  slowMs?: number
  /** It never listens, but exits with this code, at once or after `exitAfterMs`. */
  exitCode?: number
  exitAfterMs?: number
  /** Takes so much memory as it starts. */
  eatMib?: number
  /** Lines printed at start. */
  print?: string[]
  printError?: string[]
}

/** The environment that makes a function of `functionImage` behave so. */
export function functionEnvironment(behaviour: FunctionBehaviour): Record<string, string> {
  const names: Record<keyof FunctionBehaviour, string> = {
    answer: 'ANSWER',
    readyAfterMs: 'READY_AFTER_MS',
    listenAfterMs: 'LISTEN_AFTER_MS',
    readyPath: 'READY_PATH',
    readyStatus: 'READY_STATUS',
    busyAfter: 'BUSY_AFTER',
    listenPort: 'LISTEN_PORT',
    slowMs: 'SLOW_MS',
    exitCode: 'EXIT_CODE',
    exitAfterMs: 'EXIT_AFTER_MS',
    eatMib: 'EAT_MIB',
    print: 'PRINT',
    printError: 'PRINT_ERROR'
  }
  const entries = Object.entries(behaviour).flatMap(([key, value]) =>
    value === undefined || !isKeyOf(names, key)
      ? []
      : [[names[key], Array.isArray(value) ? value.join('\n') : String(value)] as const]
  )
  return Object.fromEntries(entries)
}

function isKeyOf<T extends object>(object: T, key: PropertyKey): key is keyof T {
  return key in object
}

/**
 * An image of a function that is set by its environment, made of this process's own node and the libraries that it needs:
 * nothing is pulled. It is made once for a machine and kept, labelled `com.slipway.installation=test-images`.
 *
 * @returns its local reference, and the engine's id of it.
 */
export async function functionImage(docker: Docker): Promise<{ reference: string; id: string }> {
  const reference = `${repository}:${await contentTag()}`
  const known = await docker.listImages({ filters: { reference: [reference] } })
  const first = known[0]
  if (first !== undefined) return { reference, id: first.Id }
  const root = await mkdtemp(join(tmpdir(), 'slipway-function-'))
  try {
    await writeRoot(root)
    await importImage(docker, root, reference, [
      'LABEL com.slipway.installation=test-images',
      'EXPOSE 8080',
      'CMD ["/usr/bin/node", "/function.mjs"]'
    ])
  } finally {
    await rm(root, { recursive: true, force: true })
  }
  return { reference, id: (await docker.getImage(reference).inspect()).Id }
}

async function contentTag(): Promise<string> {
  const { size, mtimeMs } = await stat(process.execPath)
  const hash = createHash('sha256').update(`${process.version} ${process.arch} ${size} ${mtimeMs}\n`)
  for (const file of [program, new URL(import.meta.url)]) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

async function writeRoot(root: string): Promise<void> {
  for (const directory of ['usr/bin', 'etc', 'tmp', 'proc', 'dev', 'sys', 'data']) {
    await mkdir(join(root, directory), { recursive: true })
  }
  await copyFile(process.execPath, join(root, 'usr/bin/node'))
  for (const library of await librariesOf(process.execPath)) {
    const target = join(root, library)
    await mkdir(dirname(target), { recursive: true })
    await copyFile(library, target)
  }
  await copyFile(program, join(root, 'function.mjs'))
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0::/:/none\nfunction:x:1000:1000::/:/none\nsneaky:x:0:0::/:/none\n'
  )
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nfunction:x:1000:\n')
}

/** The shared libraries of a program, the loader included, as `ldd` names them. */
async function librariesOf(path: string): Promise<string[]> {
  const { stdout } = await run('ldd', [path])
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap(([, library]) =>
    library === undefined ? [] : [library]
  )
}
