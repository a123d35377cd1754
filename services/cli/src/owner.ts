import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'

const run = promisify(execFile)

/**
 * Whose things a command is about: who was named, else the owner of the repository that this directory is a checkout of,
 * else the only one that there is.
 *
 * @throws Failure `invalid-request` when that leaves more than one
 */
export async function ownerOf(
  api: Pick<StatusApi, 'listOwners' | 'listRepositories'>,
  named: string | undefined,
  directory: string
): Promise<string> {
  if (named !== undefined) return named
  const path = await remotePath(directory)
  if (path !== null) {
    const { items } = await api.listRepositories({ limit: 200 })
    const owners = new Set(
      items.flatMap(({ fullName, owner }) => (owner !== null && fullName.toLowerCase() === path ? [owner] : []))
    )
    const [owner, ...others] = owners
    if (owner !== undefined && others.length === 0) return owner
  }
  const slugs = (await api.listOwners({ limit: 2 })).items.flatMap(({ slug }) => slug ?? [])
  const [only, ...others] = slugs
  if (only !== undefined && others.length === 0) return only
  const why = only === undefined ? 'there is no owner yet: push something first' : 'say whose it is: --owner <slug>'
  throw new Failure('invalid-request', why)
}

/** `owner/repository` of the checkout's origin, in lower case; null outside of one. */
async function remotePath(directory: string): Promise<string | null> {
  try {
    const { stdout } = await run('git', ['config', '--get', 'remote.origin.url'], { cwd: directory })
    return pathOfRemote(stdout.trim())
  } catch {
    return null // no git, no checkout or no origin: then the owner is named, or the only one
  }
}

/** The path of `https://host/owner/repository.git`, `ssh://git@host/…` and `git@host:owner/repository.git`. */
export function pathOfRemote(url: string): string | null {
  const path = /^[a-z][a-z+.-]*:\/\/[^/]+\/(.+)$/i.exec(url)?.[1] ?? /^[^/:]+:(?!\/\/)(.+)$/.exec(url)?.[1]
  const clean = path
    ?.replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .replace(/^\/+/, '')
    .toLowerCase()
  return clean === undefined || clean === '' ? null : clean
}
