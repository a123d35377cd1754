import { createReadStream, type Dirent } from 'node:fs'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Failure } from '@slipway/domain'
import ignore, { type Ignore } from 'ignore'
import { pack as createPack, type Header, type Pack } from 'tar-stream'
import { type IgnoreRules, parseDockerignore } from './dockerignore.ts'

export interface PackedFolder {
  /** A tar whose bytes depend on names, contents and the executable bit alone. */
  tar: Readable
  files: number
  /** Of the files together. */
  bytes: number
}

type Item =
  | { kind: 'file'; path: string; size: number; isExecutable: boolean }
  | { kind: 'link'; path: string; target: string }

/** Never sent, wherever it lies: a repository's history, and what a state directory or a package manager makes. */
const neverSent = new Set(['.git', 'node_modules', '.slipway'])

/**
 * What is sent of a folder: everything but what its `.gitignore` files and the `.dockerignore` at its root name, `.git`,
 * `node_modules` and `.slipway`.
 *
 * @throws Failure `invalid-request` for what is no folder, or holds no file; `unsupported` for sockets and devices in it
 */
export async function packFolder(directory: string): Promise<PackedFolder> {
  const items = await itemsOf(directory)
  if (items.length === 0) throw new Failure('invalid-request', `there is nothing to send in ${directory}`)
  const files = items.filter((item) => item.kind === 'file')
  const tar = createPack()
  write(tar, directory, items).catch((err: unknown) => tar.destroy(err instanceof Error ? err : new Error(String(err))))
  return {
    tar: Readable.from(tar, { objectMode: false }),
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0)
  }
}

async function itemsOf(directory: string): Promise<Item[]> {
  const docker = parseDockerignore(await textOf(join(directory, '.dockerignore')))
  const items: Item[] = []
  await walk(directory, '', [], docker, items)
  return items.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** A `.gitignore`, which speaks of what lies below its own folder. */
interface GitRules {
  base: string
  matcher: Ignore
}

async function walk(root: string, base: string, above: GitRules[], docker: IgnoreRules, items: Item[]): Promise<void> {
  const own = await textOf(join(root, base, '.gitignore'))
  const git = own === '' ? above : [...above, { base, matcher: ignore({ ignorecase: false }).add(own) }]
  for (const entry of await entriesOf(join(root, base))) {
    const path = base === '' ? entry.name : `${base}/${entry.name}`
    if (neverSent.has(entry.name)) continue
    const isFolder = entry.isDirectory()
    if (isIgnoredByGit(git, path, isFolder)) continue
    if (isFolder) {
      if (!docker.isIgnored(path) || docker.hasExceptions) await walk(root, path, git, docker, items)
      continue
    }
    // What a build needs to be told of itself is sent whatever the patterns say.
    if (docker.isIgnored(path) && path !== '.dockerignore' && path !== 'stack.yml' && path !== 'stack.yaml') continue
    items.push(await itemOf(root, path))
  }
}

function isIgnoredByGit(rules: GitRules[], path: string, isFolder: boolean): boolean {
  // The nearest file that says something decides.
  for (const { base, matcher } of rules.toReversed()) {
    const relative = base === '' ? path : path.slice(base.length + 1)
    const { ignored, unignored } = matcher.test(isFolder ? `${relative}/` : relative)
    if (ignored || unignored) return ignored
  }
  return false
}

async function itemOf(root: string, path: string): Promise<Item> {
  const full = join(root, path)
  const known = await lstat(full)
  if (known.isSymbolicLink()) return { kind: 'link', path, target: await readlink(full) }
  if (known.isFile()) return { kind: 'file', path, size: known.size, isExecutable: (known.mode & 0o100) !== 0 }
  throw new Failure('unsupported', `${full} is neither a file nor a folder nor a link: list it in .dockerignore`)
}

async function write(tar: Pack, directory: string, items: Item[]): Promise<void> {
  for (const item of items) {
    const { path: name } = item
    if (item.kind === 'link') await add(tar, { name, type: 'symlink', mode: 0o777, linkname: item.target })
    else {
      const mode = item.isExecutable ? 0o755 : 0o644
      await add(tar, { name, type: 'file', mode, size: item.size }, join(directory, name))
    }
  }
  tar.finalize()
}

async function add(tar: Pack, header: Partial<Header> & Pick<Header, 'name'>, file?: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<null>()
  const sink = tar.entry({ ...header, mtime: new Date(0), uid: 0, gid: 0 }, (err) =>
    err ? reject(err) : resolve(null)
  )
  if (file === undefined || header.size === 0) sink.end(null)
  // Not a byte more than was announced: a file may grow while it is read.
  else await pipeline(createReadStream(file, { end: (header.size ?? 0) - 1 }), sink)
  await promise
}

async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true })
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EACCES') throw err
    const why = code === 'EACCES' ? 'may not be read' : 'is no folder'
    throw new Failure('invalid-request', `${directory} ${why}`, { cause: err })
  }
}

/** Of a file of rules; nothing where there is none. */
async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT' || err.code === 'ENOTDIR' || err.code === 'EISDIR') return ''
    throw err
  })
}
