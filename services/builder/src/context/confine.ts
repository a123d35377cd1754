import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { Failure, type FailureCode, type SourceLocation } from '@slipway/domain'

/** What a path that a stranger wrote is for, so that a refusal can name it. */
export interface PathUse {
  /** `functions.hello.handler` */
  field: string
  at?: SourceLocation
}

export interface ConfinedPath {
  /** Absolute, without links. */
  path: string
  /** From the root, with `/`; '' is the root itself. */
  relative: string
}

/**
 * Finds a path that a stranger wrote, below `root`, after every link on the way is followed. Nothing is read but the links.
 *
 * @throws Failure `unsafe-path` when it leads outside or into git's own folder, `invalid-stack` when nothing is there.
 */
export async function confine(root: string, path: string, use: PathUse): Promise<ConfinedPath> {
  // oxlint-disable-next-line no-control-regex -- finding them is the point
  if (/[\u0000-\u001f\u007f]/.test(path)) throw refusal('unsafe-path', path, use, 'holds a control character')
  if (isAbsolute(path) || /^(?:[A-Za-z]:)?\\/.test(path)) {
    throw refusal('unsafe-path', path, use, 'is absolute: write it relative to the root of the repository')
  }
  const realRoot = await realpath(root)
  const wanted = join(realRoot, path)
  if (!isWithin(realRoot, wanted)) throw refusal('unsafe-path', path, use, 'leaves the repository')
  let found: string
  try {
    found = await realpath(wanted)
  } catch (err) {
    const code = err instanceof Error && 'code' in err ? err.code : undefined
    if (code === 'ELOOP') throw refusal('unsafe-path', path, use, 'is a link that goes round', err)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') {
      throw refusal('invalid-stack', path, use, 'is not in the repository', err)
    }
    throw err
  }
  if (!isWithin(realRoot, found)) throw refusal('unsafe-path', path, use, 'is a link that leaves the repository')
  const inside = relative(realRoot, found).split(sep).join('/')
  if (inside.split('/').some(isGitFolder)) throw refusal('unsafe-path', path, use, "leads into git's own folder")
  return { path: found, relative: inside }
}

/** Opens a file of ours or a stranger's that was found below its root: a link that took its place in between is not followed. */
async function openFile(path: string): Promise<FileHandle> {
  // Without O_NONBLOCK the opening of a FIFO would wait for its writer.
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
}

const pieceBytes = 64 * 1024

/** The bytes of a file that was found below its root, piece by piece. `size` is what it had: one more byte is asked for than expected. */
export async function* readPieces(path: string, size: number): AsyncGenerator<Buffer> {
  await using file = await openFile(path)
  for (let left = size + 1; ; left -= pieceBytes) {
    const length = left > 0 ? Math.min(left, pieceBytes) : pieceBytes
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, null)
    if (bytesRead > 0) yield buffer.subarray(0, bytesRead)
    if (bytesRead < length) return
  }
}

/** @throws Failure as `confine`; `limit-exceeded`; `unsafe-path` for anything but a regular file. */
export async function readConfinedFile(root: string, path: string, limitBytes: number, use: PathUse): Promise<Buffer> {
  const found = await confine(root, path, use)
  await using file = await openFile(found.path)
  const { size } = await regularFile(file, path, use)
  if (size > limitBytes) throw refusal('limit-exceeded', path, use, `has ${size} bytes, ${limitBytes} are allowed`)
  const content = Buffer.alloc(size)
  const { bytesRead } = await file.read(content, 0, size, 0)
  return content.subarray(0, bytesRead)
}

async function regularFile(file: FileHandle, path: string, use: PathUse) {
  const stats = await file.stat()
  if (!stats.isFile()) throw refusal('unsafe-path', path, use, 'is not a regular file')
  return stats
}

export function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}

/** Case is ignored: on some file systems `.GIT` is the same folder. */
export function isGitFolder(name: string): boolean {
  return name.toLowerCase() === '.git'
}

export function refusal(
  code: FailureCode,
  path: string,
  { field, at }: PathUse,
  why: string,
  cause?: unknown
): Failure {
  const place = at === undefined ? '' : `${at.path}:${at.line}:${at.column}: `
  const shown = JSON.stringify(path.length > 120 ? `${path.slice(0, 120)}…` : path)
  return new Failure(code, `${place}${field}: ${shown} ${why}`, {
    ...(at === undefined ? {} : { location: at }),
    ...(cause === undefined ? {} : { cause })
  })
}
