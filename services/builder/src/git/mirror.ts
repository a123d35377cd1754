import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, type GitCredential, isCommit } from '@slipway/domain'
import type { Logger } from '@slipway/service'
import { removeTree } from './checkout.ts'
import { type Git, GitRefusal } from './git.ts'
import { machineFailure, objectFormatOf, remoteFailure, saysObjectIsMissing, saysRefIsMissing } from './refusals.ts'

interface Remote {
  url: URL
  credential: GitCredential | null
}

/** One bare repository. Its caller holds its lock. */
export interface Mirror {
  directory: string
  /**
   * @param from.ref a full ref, or what git finds by a short one (branch, tag, `HEAD`)
   * @returns the commit that it points to at the forge; null when it has no such ref
   */
  fetch(from: Remote & { ref: string }, signal: AbortSignal): Promise<string | null>
  /** Fetches one commit by its id, or with all that leads to the ref where the forge gives nothing by id. */
  fetchCommit(from: Remote & { ref: string | null; commit: string }, signal: AbortSignal): Promise<void>
  hasCommit(commit: string, signal: AbortSignal): Promise<boolean>
  /** null when one of the commits is not here. */
  changedPaths(from: string, to: string, signal: AbortSignal): Promise<string[] | null>
  /** True when a ref of the mirror says that the commit is here. */
  promises(commit: string): Promise<boolean>
  discard(): Promise<void>
}

/** A mirror of so many packs (one a fetch) is cloned anew rather than tidied: only the newest commit is needed. */
const packLimit = 100

const fetchOptions = [
  'fetch',
  '--verbose', // simple-git waits for a command that prints nothing,
  '--verbose', // and a server's answer is told from a web page
  '--no-tags',
  '--no-auto-maintenance',
  '--no-recurse-submodules',
  '--no-write-commit-graph'
]

export function createMirror(deps: { git: Git; directory: string; limitBytes: number; logger: Logger }): Mirror {
  const { git, directory, limitBytes, logger } = deps

  /** @returns false when the mirror was there before */
  async function open(format: string, signal: AbortSignal): Promise<boolean> {
    if (await exists(join(directory, 'HEAD'))) {
      if ((await packs(directory)).length <= 2 * packLimit) return false
      await discard()
    }
    const fresh = `${directory}.new`
    await removeTree(fresh)
    await mkdir(join(fresh, 'info'), { recursive: true, mode: 0o700 })
    await git({ args: ['init', '--bare', `--object-format=${format}`, '--', fresh], directory: fresh }, signal)
    // What is checked out is what was committed, byte for byte: no filter, no conversion.
    await writeFile(join(fresh, 'info', 'attributes'), '* -text -ident -filter -working-tree-encoding\n')
    await rename(fresh, directory)
    return true
  }

  async function run(remote: Remote, args: string[], signal: AbortSignal): Promise<void> {
    const limit = createSizeLimit(directory, limitBytes)
    try {
      const stop = AbortSignal.any([signal, limit.signal])
      await git({ args: [...fetchOptions, ...args], directory, repository: directory, remote }, stop)
    } finally {
      await limit.end()
    }
    limit.signal.throwIfAborted()
  }

  /**
   * Damage to the mirror is not told apart from all that may be damaged: whatever is not the forge's or the machine's fault is.
   * A mirror that grew too large over time is begun anew as well.
   */
  async function renewing<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let format = 'sha1'
    for (let isLast = false; ; isLast = true) {
      let isFresh = false
      try {
        isFresh = await open(format, signal)
        return await work()
      } catch (err) {
        const isTooLarge = err instanceof Failure && err.code === 'limit-exceeded'
        if (!isTooLarge) throwUnlessDamage(err)
        await discard()
        if (isTooLarge && (isFresh || isLast)) throw err
        if (isLast) throw new Failure('unavailable', 'git could not fetch the repository', { cause: err })
        logger.warn({ err, directory }, 'a mirror is cloned anew')
        format = (err instanceof GitRefusal && objectFormatOf(err)) || format
      }
    }
  }

  async function hasCommit(commit: string, signal: AbortSignal): Promise<boolean> {
    if (!(await exists(join(directory, 'HEAD')))) return false
    try {
      const type = await git({ args: ['cat-file', '-t', commit], directory, repository: directory }, signal)
      return type.trim() === 'commit'
    } catch (err) {
      if (err instanceof GitRefusal) return false
      throw err
    }
  }

  async function discard(): Promise<void> {
    const aside = `${directory}.discarded`
    await removeTree(aside)
    if (await exists(directory)) await rename(directory, aside)
    await removeTree(aside)
  }

  return {
    directory,
    hasCommit,
    discard,
    fetch: ({ ref, ...remote }, signal) =>
      renewing(signal, async () => {
        try {
          await run(remote, ['--depth=1', '--', remote.url.href, `+${ref}:${localRef(ref)}`], signal)
        } catch (err) {
          if (err instanceof GitRefusal && saysRefIsMissing(err)) return null
          throw err
        }
        const id = await fetchedId()
        return ref.startsWith('refs/heads/') ? id : await commitOf(id, signal)
      }),
    async fetchCommit({ ref, commit, ...remote }, signal) {
      if (await hasCommit(commit, signal)) return
      await renewing(signal, async () => {
        try {
          await run(remote, ['--depth=1', '--', remote.url.href, commit], signal)
        } catch (err) {
          if (!(err instanceof GitRefusal) || !saysObjectIsMissing(err)) throw err
          const isShallow = await exists(join(directory, 'shallow'))
          if (ref === null || !isShallow) return
          await run(remote, ['--unshallow', '--', remote.url.href, `+${ref}:${localRef(ref)}`], signal)
        }
      })
    },
    async changedPaths(from, to, signal) {
      if (!(await hasCommit(from, signal)) || !(await hasCommit(to, signal))) return null
      const args = ['diff-tree', '-r', '-z', '--name-only', '--no-renames', from, to, '--']
      const text = await git({ args, directory, repository: directory }, signal)
      return text.split('\0').filter((path) => path !== '')
    },
    async promises(commit) {
      const names = await entriesOf(join(directory, 'refs', 'slipway'))
      const commits = await Promise.all(names.map((name) => readFile(join(directory, 'refs', 'slipway', name), 'utf8')))
      return commits.some((text) => text.trim() === commit)
    }
  }

  async function fetchedId(): Promise<string> {
    const id = (await readFile(join(directory, 'FETCH_HEAD'), 'utf8')).split('\t')[0] ?? ''
    if (isCommit(id)) return id
    throw new Failure('unavailable', 'git fetched the ref, but did not say which commit it points to')
  }

  /** A tag may be an object of its own, which names the commit. */
  async function commitOf(id: string, signal: AbortSignal): Promise<string> {
    const args = ['rev-parse', '--verify', `${id}^{commit}`]
    return (await git({ args, directory, repository: directory }, signal)).trim()
  }
}

/** Flat, so that a branch `a` and a later one `a/b` never get into each other's way. */
function localRef(ref: string): string {
  return `refs/slipway/${createHash('sha256').update(ref).digest('hex').slice(0, 40)}`
}

/** Whatever of git's refusals has another reason is thrown as what it is. */
function throwUnlessDamage(err: unknown): void {
  if (!(err instanceof GitRefusal)) throw err
  const known = remoteFailure(err) ?? machineFailure(err)
  if (known !== null) throw known
}

/** Aborts its signal when the mirror grows over the limit: git itself does not limit what a server sends. */
function createSizeLimit(directory: string, limitBytes: number): { signal: AbortSignal; end(): Promise<void> } {
  const tooLarge = new AbortController()
  let measuring: Promise<void> | null = null
  async function measure(): Promise<void> {
    const sizes = await Promise.all((await packs(directory)).map(sizeOf))
    if (sizes.reduce((sum, size) => sum + size, 0) <= limitBytes) return
    const limit = `${Math.round(limitBytes / 1024 / 1024)} MiB`
    tooLarge.abort(new Failure('limit-exceeded', `the repository is larger than ${limit}, which is the limit here`))
  }
  const timer = setInterval(() => {
    measuring ??= measure().finally(() => {
      measuring = null
    })
  }, 200)
  return {
    signal: tooLarge.signal,
    async end() {
      clearInterval(timer)
      await measuring
      await measure()
    }
  }
}

/** Packs, their indices and what is being written of them. */
async function packs(directory: string): Promise<string[]> {
  const folder = join(directory, 'objects', 'pack')
  return (await entriesOf(folder)).map((name) => join(folder, name))
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch {
    return 0 // git renamed it meanwhile
  }
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch {
    return [] // not made yet
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
