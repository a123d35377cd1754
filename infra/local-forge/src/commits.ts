import { isCommit, isValidRef } from '@slipway/domain'
import type { Git } from './git.ts'
import { frozenNamespace, type HostedRepository, type Repositories } from './repositories.ts'

export interface Person {
  name: string
  email: string
  /** ISO 8601 with the author's own offset, as git stores it. */
  date: string
}

export interface Commit {
  id: string
  treeId: string
  parents: string[]
  author: Person
  committer: Person
  message: string
  added: string[]
  removed: string[]
  modified: string[]
}

export interface Ref {
  /** `refs/heads/main` */
  ref: string
  /** What the ref names: an annotated tag's own object. */
  objectId: string
  objectType: 'commit' | 'tag' | 'tree' | 'blob'
}

/** `before` is null when the ref is new. */
export interface PushedRange {
  ref: string
  before: string | null
  after: string
}

/** Reads a repository's refs and commits, as whoever asks over REST or looks at the page sees them. */
export interface Commits {
  refs(repository: HostedRepository): Promise<Ref[]>
  ref(repository: HostedRepository, ref: string): Promise<Ref | null>
  /** The commit behind a full ref or a commit's id; null when there is none. */
  resolve(repository: HostedRepository, refOrCommit: string): Promise<string | null>
  find(repository: HostedRepository, commit: string): Promise<Commit | null>
  /** Newest first, without the files. */
  history(repository: HostedRepository, commit: string, limit: number): Promise<Commit[]>
  /** The commits that a push of `ref` brought, oldest first. */
  pushed(repository: HostedRepository, push: PushedRange, limit: number): Promise<Commit[]>
  count(repository: HostedRepository, push: PushedRange): Promise<number>
  isAncestor(repository: HostedRepository, ancestor: string, commit: string): Promise<boolean>
  /** null when the object is no annotated tag. */
  tagMessage(repository: HostedRepository, objectId: string): Promise<string | null>
  /** Branches whose history holds the commit. */
  branchesWith(repository: HostedRepository, commit: string): Promise<string[]>
}

// A message may hold anything but NUL, so that NUL parts the fields.
const fields = ['%H', '%T', '%P', '%an', '%ae', '%aI', '%cn', '%ce', '%cI', '%B']
const format = `--format=${fields.map((field) => `${field}%x00`).join('')}`

export function createCommits({ git, repositories }: { git: Git; repositories: Repositories }): Commits {
  const ask = (repository: HostedRepository, args: string[]) => git.ask(['-C', repository.directory, ...args])

  async function refsBelow(repository: HostedRepository, patterns: string[]): Promise<Ref[]> {
    const prefix = repositories.isFrozen(repository.id) ? `refs/namespaces/${frozenNamespace}/` : ''
    const format = '--format=%(objectname) %(objecttype) %(refname)'
    const text = await ask(repository, ['for-each-ref', format, ...patterns.map((pattern) => prefix + pattern)])
    return (text ?? '').split('\n').flatMap((line) => {
      const [objectId, objectType, ref] = line.split(' ')
      if (objectId === undefined || objectType === undefined || ref === undefined) return []
      return [{ objectId, objectType: objectType as Ref['objectType'], ref: ref.slice(prefix.length) }]
    })
  }

  async function ref(repository: HostedRepository, name: string): Promise<Ref | null> {
    if (!isValidRef(name)) return null
    const found = await refsBelow(repository, [name])
    return found.find((candidate) => candidate.ref === name) ?? null
  }

  async function log(repository: HostedRepository, args: string[]): Promise<Commit[] | null> {
    const text = await ask(repository, ['log', '-z', '--no-show-signature', '--encoding=UTF-8', format, ...args])
    return text === null ? null : parseLog(text)
  }

  async function resolve(repository: HostedRepository, refOrCommit: string): Promise<string | null> {
    const name = isCommit(refOrCommit) ? refOrCommit : (await ref(repository, refOrCommit))?.objectId
    if (name === undefined) return null
    const commit = await ask(repository, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`])
    return commit?.trim() ?? null
  }

  /** What a new branch brings is what the default branch did not have. */
  async function range(repository: HostedRepository, { ref, before, after }: PushedRange): Promise<string[]> {
    const main = `refs/heads/${repository.defaultBranch}`
    const base = before ?? (ref === main ? null : await resolve(repository, main))
    return base === null ? [after] : [after, '--not', base]
  }

  return {
    refs: (repository) => refsBelow(repository, ['refs/heads', 'refs/tags']),
    ref,
    resolve,
    async find(repository, commit) {
      if (!isCommit(commit)) return null
      return (await log(repository, ['--no-walk', ...withFiles, commit, '--']))?.[0] ?? null
    },
    async history(repository, commit, limit) {
      return (await log(repository, [`--max-count=${limit}`, commit, '--'])) ?? []
    },
    async pushed(repository, push, limit) {
      const args = [`--max-count=${limit}`, ...(await range(repository, push)), '--']
      // An import of very many files is told without naming them.
      const commits = (await log(repository, [...withFiles, ...args])) ?? (await log(repository, args)) ?? []
      return commits.toReversed()
    },
    async count(repository, push) {
      return Number((await ask(repository, ['rev-list', '--count', ...(await range(repository, push)), '--'])) ?? 0)
    },
    async isAncestor(repository, ancestor, commit) {
      return (await ask(repository, ['merge-base', '--is-ancestor', ancestor, commit])) !== null
    },
    async tagMessage(repository, objectId) {
      const tag = await ask(repository, ['cat-file', 'tag', objectId])
      // The headers end with the first empty line.
      return tag === null ? null : tag.slice(tag.indexOf('\n\n') + 2).trimEnd()
    },
    async branchesWith(repository, commit) {
      const text = await ask(repository, ['for-each-ref', '--format=%(refname)', `--contains=${commit}`, 'refs/heads'])
      return (text ?? '')
        .split('\n')
        .filter(Boolean)
        .map((name) => name.slice('refs/heads/'.length))
    }
  }
}

const withFiles = ['--name-status', '--no-renames', '--diff-merges=first-parent']

/** Ten fields per commit, then, with `--name-status`, a letter and a path per file; all ended by NUL. */
function parseLog(text: string): Commit[] {
  const tokens = text.split('\0')
  const commits: Commit[] = []
  let at = 0
  while (at + fields.length <= tokens.length) {
    const [id, treeId, parents, an, ae, ad, cn, ce, cd, message] = tokens.slice(at, at + fields.length)
    at += fields.length
    const commit: Commit = {
      id: id ?? '',
      treeId: treeId ?? '',
      parents: (parents ?? '').split(' ').filter(Boolean),
      author: { name: an ?? '', email: ae ?? '', date: ad ?? '' },
      committer: { name: cn ?? '', email: ce ?? '', date: cd ?? '' },
      message: (message ?? '').trimEnd(),
      added: [],
      removed: [],
      modified: []
    }
    // Between commits git prints an empty line or an empty token, depending on whether files were named.
    for (; at < tokens.length; at++) {
      const letter = tokens[at]?.trim() ?? ''
      if (letter === '') continue
      if (!/^[AMDTUX]$/.test(letter)) break
      const path = tokens[++at] ?? ''
      if (letter === 'A') commit.added.push(path)
      else if (letter === 'D') commit.removed.push(path)
      else commit.modified.push(path)
    }
    commits.push(commit)
  }
  return commits
}
