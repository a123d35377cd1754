import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { RepositoryView, StatusApi } from '@slipway/client'
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
  directory: string,
  howToSay = '--owner <slug>'
): Promise<string> {
  if (named !== undefined) return named
  const owners = new Set((await repositoriesOf(api, directory)).flatMap(({ owner }) => owner ?? []))
  const [owner, ...more] = owners
  if (owner !== undefined && more.length === 0) return owner
  const slugs = (await api.listOwners({ limit: 6 })).items.flatMap(({ slug }) => slug ?? [])
  const [only, ...others] = slugs
  if (only !== undefined && others.length === 0) return only
  const why =
    only === undefined
      ? 'there is no owner yet: push something, or make one with "slipway admin owners add <slug>"'
      : `say whose it is: ${howToSay} (${slugs.slice(0, 5).join(', ')}${slugs.length > 5 ? ', …' : ''})`
  throw new Failure('invalid-request', why)
}

/** The repositories that the directory may be a checkout of: one, but for forges that know the same name. */
async function repositoriesOf(api: Pick<StatusApi, 'listRepositories'>, directory: string): Promise<RepositoryView[]> {
  const path = await remotePath(directory)
  return path === null ? [] : repositoriesNamed(api, path)
}

async function repositoriesNamed(api: Pick<StatusApi, 'listRepositories'>, name: string): Promise<RepositoryView[]> {
  const found: RepositoryView[] = []
  for (let before: string | null | undefined; before !== null; ) {
    const page = await api.listRepositories({ limit: 200, ...(before === undefined ? {} : { before }) })
    found.push(...page.items.filter(({ fullName }) => fullName.toLowerCase() === name.toLowerCase()))
    before = page.next
  }
  return found
}

/**
 * The repository that a command is about: who was named (`.`: this directory's), else the one that this directory is a checkout of.
 * null: the directory is no checkout of one that Slipway knows.
 *
 * @throws Failure `not-found` when the named one is not known, `conflict` when two forges know it
 */
export async function repositoryOf(
  api: Pick<StatusApi, 'listRepositories'>,
  named: string | undefined,
  directory: string
): Promise<RepositoryView | null> {
  const isHere = named === undefined || named === '.'
  const found = isHere ? await repositoriesOf(api, directory) : await repositoriesNamed(api, named)
  const [repository, ...others] = found
  if (others.length > 0) {
    throw new Failure('conflict', `several forges know ${found[0]?.fullName}: say whose it is with --owner <slug>`)
  }
  if (repository === undefined && named !== undefined) {
    const what = isHere ? 'this directory is no checkout of a repository' : `there is no repository ${named}`
    throw new Failure('not-found', `${what} that Slipway knows: push to it first; "slipway status" shows what it knows`)
  }
  return repository ?? null
}

/**
 * `owner/function`, or `function` alone: then the owner is found as `ownerOf` does.
 *
 * @throws Failure `invalid-request`
 */
export async function functionOf(
  api: Pick<StatusApi, 'listOwners' | 'listRepositories'>,
  named: string,
  directory: string
): Promise<{ owner: string; name: string }> {
  const [first = '', second, ...rest] = named.split('/')
  if (first === '' || second === '' || rest.length > 0) {
    throw new Failure(
      'invalid-request',
      `"${named}" is no function: write owner/function; "slipway functions" lists them`
    )
  }
  return second === undefined
    ? { owner: await ownerOf(api, undefined, directory, `<owner>/${first}`), name: first }
    : { owner: first, name: second }
}

/** `owner/repository` of the checkout's origin, in lower case; null outside of one. */
export async function remotePath(directory: string): Promise<string | null> {
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
