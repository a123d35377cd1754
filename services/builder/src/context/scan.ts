import { type Dirent, type Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { isGitFolder, type PathUse, readPieces, refusal } from './confine.ts'

/** One thing of a build context. Folders follow from the paths. */
export type ContextEntry = ContextFile | { kind: 'link'; target: string }

export interface ContextFile {
  kind: 'file'
  /** Where its bytes are. */
  content: { path: string } | { bytes: Buffer }
  size: number
  isExecutable: boolean
}

export interface ContextLimits {
  files: number
  bytes: number
  fileBytes: number
  depth: number
}

export const defaultContextLimits: ContextLimits = {
  files: 20_000,
  bytes: 512 * 1024 ** 2,
  fileBytes: 100 * 1024 ** 2,
  depth: 32
}

/** The bytes of a context's file. */
export async function* contentOf({ content, size }: ContextFile): AsyncGenerator<Buffer> {
  if ('bytes' in content) yield content.bytes
  else yield* readPieces(content.path, size)
}

/** What is left of the limits while a context is put together from several folders. */
export interface ContextBudget {
  readonly limits: ContextLimits
  files: number
  bytes: number
  /** Things that were looked at, those ignored too. */
  visits: number
}

export function createBudget(limits: ContextLimits): ContextBudget {
  return { limits, files: 0, bytes: 0, visits: 0 }
}

export interface ScanOptions {
  use: PathUse
  budget: ContextBudget
  /** By path from the folder that is scanned. */
  isIgnored(path: string): boolean
  /** Look into ignored folders: something in them may be wanted. */
  hasExceptions: boolean
  signal: AbortSignal
}

/**
 * Everything in a folder, by path from it. Nothing is opened and no link is followed: one that stays within the folder is kept as a link.
 * Git's own folder is never part of it.
 *
 * @param root absolute and without links, see `confine`.
 * @throws Failure `unsafe-path` for links that leave the folder, devices, FIFOs and sockets; `limit-exceeded` naming the limit.
 */
export async function scan(root: string, options: ScanOptions): Promise<Map<string, ContextEntry>> {
  const { use, budget, signal } = options
  const found = new Map<string, ContextEntry>()
  const pending = ['']
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    signal.throwIfAborted()
    const children = await readdir(join(root, folder), { withFileTypes: true, encoding: 'buffer' })
    for (const child of children) {
      const name = nameOf(child, folder, use)
      const path = folder === '' ? name : `${folder}/${name}`
      if (isGitFolder(name)) continue
      countVisit(budget, path, use)
      const isIgnored = options.isIgnored(path)
      if (child.isDirectory()) {
        if (isIgnored && !options.hasExceptions) continue
        if (path.split('/').length >= budget.limits.depth)
          throw refusal('limit-exceeded', path, use, `is deeper than ${budget.limits.depth} folders`)
        pending.push(path)
      } else if (!isIgnored) {
        found.set(path, await entryOf(root, path, options))
      }
    }
  }
  return found
}

function nameOf(child: Dirent<Buffer>, folder: string, use: PathUse): string {
  const name = child.name.toString('utf8')
  if (!Buffer.from(name).equals(child.name))
    throw refusal('unsafe-path', `${folder}/${name}`, use, 'has a name that is not UTF-8')
  return name
}

async function entryOf(root: string, path: string, { use, budget }: ScanOptions): Promise<ContextEntry> {
  const stats = await lstat(join(root, path))
  if (stats.isSymbolicLink()) {
    countFile(budget, path, 0, use)
    return { kind: 'link', target: await linkTarget(root, path, use) }
  }
  if (!stats.isFile())
    throw refusal('unsafe-path', path, use, `is ${kindOf(stats)}: only files, folders and links can be built`)
  return fileEntry(join(root, path), path, stats, budget, use)
}

/** A regular file, counted. A sparse one counts with its size, not with what it takes on the disk. */
export function fileEntry(
  source: string,
  path: string,
  stats: Stats,
  budget: ContextBudget,
  use: PathUse
): ContextFile {
  countFile(budget, path, stats.size, use)
  return { kind: 'file', content: { path: source }, size: stats.size, isExecutable: (stats.mode & 0o111) !== 0 }
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a FIFO'
  if (stats.isSocket()) return 'a socket'
  return 'a device'
}

function countVisit(budget: ContextBudget, path: string, use: PathUse): void {
  budget.visits++
  const most = budget.limits.files * 10
  if (budget.visits > most)
    throw refusal('limit-exceeded', path, use, `is one of more than ${most} files, ignored ones included`)
}

function countFile(budget: ContextBudget, path: string, size: number, use: PathUse): void {
  const { limits } = budget
  budget.files++
  budget.bytes += size
  if (budget.files > limits.files)
    throw refusal('limit-exceeded', path, use, `is one file too many: ${limits.files} files are allowed`)
  if (size > limits.fileBytes)
    throw refusal('limit-exceeded', path, use, `has ${size} bytes: ${limits.fileBytes} are allowed in one file`)
  if (budget.bytes > limits.bytes)
    throw refusal('limit-exceeded', path, use, `goes beyond the ${limits.bytes} bytes that all files together may have`)
}

const hopLimit = 40

/**
 * What a link says, when following it never leaves the folder, not even on the way. The way is walked by hand:
 * the kernel would resolve it against what happens to lie around the checkout on this machine.
 */
async function linkTarget(root: string, path: string, use: PathUse): Promise<string> {
  const target = await readlink(join(root, path))
  if (target.includes('\ufffd')) throw refusal('unsafe-path', path, use, 'is a link whose target is not UTF-8')
  const leaves = () =>
    refusal(
      'unsafe-path',
      path,
      use,
      `is a link to ${JSON.stringify(target.slice(0, 120))}, which leaves the folder that is built`
    )
  if (isAbsolute(target)) throw leaves()
  const here: string[] = []
  const pending = [...path.split('/').slice(0, -1), ...target.split('/')]
  let hops = 0
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (here.pop() === undefined) throw leaves()
      continue
    }
    here.push(part)
    const next = await readLinkAt(join(root, ...here))
    if (next === null) continue
    hops++
    if (hops > hopLimit) throw refusal('unsafe-path', path, use, 'is a link that goes round')
    if (isAbsolute(next)) throw leaves()
    here.pop()
    pending.unshift(...next.split('/'))
  }
  return target
}

/** null when there is no link at that place. */
async function readLinkAt(path: string): Promise<string | null> {
  try {
    return await readlink(path)
  } catch (err) {
    const code = err instanceof Error && 'code' in err ? err.code : undefined
    if (code === 'EINVAL' || code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return null
    throw err
  }
}
