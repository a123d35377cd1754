import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, isCommit, isValidRef } from '@slipway/domain'
import type { Logger } from '@slipway/service'
import { removeTree, type WriteCheckout } from './checkout.ts'
import type { Mirror } from './mirror.ts'

export interface TemplateRepositoriesDeps {
  directory: string
  maxAgeMs: number
  now: () => number
  logger: Logger
  parseUrl: (url: string) => URL
  withMirror: <T>(id: string, signal: AbortSignal, use: (mirror: Mirror) => Promise<T>) => Promise<T>
  checkout: WriteCheckout
}

interface Pin {
  commit: string
  fetchedAt: number
}

/** Template repositories: what was checked out once stays, named by its commit, and only the pin of a ref moves. */
export function createTemplateRepositories(deps: TemplateRepositoriesDeps) {
  const { directory, maxAgeMs, now, logger, parseUrl, withMirror, checkout } = deps

  /** When the repository cannot be reached, what was last pinned goes on being used. */
  async function pinned(
    mirror: Mirror,
    url: URL,
    ref: string | null,
    file: string,
    signal: AbortSignal
  ): Promise<string> {
    const last = await readPin(file)
    if (last !== null && (now() - last.fetchedAt < maxAgeMs || last.commit === ref)) return last.commit
    try {
      const commit = await refresh(mirror, url, ref, signal)
      await writePin(file, { commit, fetchedAt: now() })
      return commit
    } catch (err) {
      if (last === null || !(err instanceof Failure) || !err.retry) throw err
      logger.warn({ err, url: url.href, ref, commit: last.commit }, 'template repository not refreshed')
      return last.commit
    }
  }

  async function fetch(
    address: string,
    ref: string | null,
    signal: AbortSignal
  ): Promise<{ path: string; commit: string }> {
    const url = parseUrl(address)
    if (ref !== null && !isCommit(ref) && !isValidRef(`refs/heads/${ref}`)) {
      throw new Failure('invalid-request', `"${ref}" is not a valid branch, tag or commit`)
    }
    const name = nameOf(url.href)
    const folder = join(directory, name)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return withMirror(`template-${name}`, signal, async (mirror) => {
      const commit = await pinned(mirror, url, ref, join(folder, `${nameOf(ref ?? 'HEAD')}.json`), signal)
      const path = join(folder, commit)
      if (!(await exists(path))) {
        const fresh = `${path}.new`
        await removeTree(fresh)
        await checkout(mirror, commit, fresh, signal)
        await rename(fresh, path)
      }
      return { path: join(path, 'tree'), commit }
    })
  }

  return { fetch }
}

async function refresh(mirror: Mirror, url: URL, ref: string | null, signal: AbortSignal): Promise<string> {
  const remote = { url, credential: null }
  if (ref !== null && isCommit(ref)) {
    await mirror.fetchCommit({ ...remote, ref: null, commit: ref }, signal)
    return ref
  }
  const commit = await mirror.fetch({ ...remote, ref: ref ?? 'HEAD' }, signal)
  if (commit !== null) return commit
  throw new Failure('not-found', `the template repository ${url.href} has no branch or tag "${ref ?? 'HEAD'}"`)
}

function nameOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

async function readPin(file: string): Promise<Pin | null> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (typeof value !== 'object' || value === null || !('commit' in value) || !('fetchedAt' in value)) return null
    const { commit, fetchedAt } = value
    return typeof commit === 'string' && isCommit(commit) && typeof fetchedAt === 'number'
      ? { commit, fetchedAt }
      : null
  } catch {
    return null // none yet, or half of one: asked for again
  }
}

async function writePin(file: string, pin: Pin): Promise<void> {
  const fresh = `${file}.${randomUUID()}`
  await writeFile(fresh, JSON.stringify(pin))
  await rename(fresh, file)
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
