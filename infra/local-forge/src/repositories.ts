import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, isValidFullName, isValidRef } from '@slipway/domain'
import type { Accounts } from './accounts.ts'
import type { Git } from './git.ts'
import type { Account, RepositoryRecord, StateFile } from './state.ts'

/** A repository with what follows from its record. Made anew at each look-up: names change. */
export interface HostedRepository extends Readonly<RepositoryRecord> {
  readonly owner: Account
  readonly fullName: string
  /** The bare repository. Named by id, so that neither a rename nor a name can lead elsewhere. */
  readonly directory: string
}

export interface NewRepository {
  owner: string
  name: string
  isPrivate: boolean
  defaultBranch?: string
}

export interface Repositories {
  create(repository: NewRepository): Promise<HostedRepository>
  all(): HostedRepository[]
  byId(id: number): HostedRepository | null
  /** By its name now, or by one that it had. */
  byName(fullName: string): HostedRepository | null
  change(
    id: number,
    change: Partial<
      Pick<RepositoryRecord, 'name' | 'ownerId' | 'isPrivate' | 'isArchived' | 'defaultBranch' | 'pushedAt'>
    >
  ): Promise<HostedRepository>
  remove(id: number): Promise<void>
  /**
   * While frozen, who reads is shown the refs as they were when it was frozen, as a forge does that is behind itself;
   * pushes see and change the real ones.
   */
  setFrozen(id: number, isFrozen: boolean): Promise<void>
  isFrozen(id: number): boolean
}

export interface RepositoriesDeps {
  root: string
  state: StateFile
  accounts: Accounts
  git: Git
  now: () => number
}

/** The git namespace (gitnamespaces(7)) that holds the refs of a frozen repository. */
export const frozenNamespace = 'frozen'
const frozenPrefix = `refs/namespaces/${frozenNamespace}/`

export function createRepositories({ root, state, accounts, git, now }: RepositoriesDeps): Repositories {
  const frozen = new Set<number>()

  const hosted = (record: RepositoryRecord): HostedRepository => {
    const owner = accounts.byId(record.ownerId)
    return {
      ...record,
      owner,
      fullName: `${owner.login}/${record.name}`,
      directory: join(root, 'repositories', `${record.id}.git`)
    }
  }
  const all = () => state.data.repositories.map(hosted)
  const record = (id: number): RepositoryRecord => {
    const found = state.data.repositories.find((candidate) => candidate.id === id)
    if (found === undefined) throw new Failure('not-found', `there is no repository ${id}`)
    return found
  }

  function byName(fullName: string): HostedRepository | null {
    const wanted = fullName.toLowerCase()
    const repositories = all()
    return (
      repositories.find((repository) => repository.fullName.toLowerCase() === wanted) ??
      repositories.find((repository) => repository.formerNames.some((name) => name.toLowerCase() === wanted)) ??
      null
    )
  }

  function assertFree(fullName: string, exceptId: number | null): void {
    if (!isValidFullName(fullName) || /\.git$/i.test(fullName)) {
      throw new Failure('invalid-request', `${JSON.stringify(fullName.slice(0, 80))} is no name for a repository`)
    }
    const taken = all().find((repository) => repository.fullName.toLowerCase() === fullName.toLowerCase())
    if (taken !== undefined && taken.id !== exceptId) {
      throw new Failure('name-taken', `${fullName} already exists on this forge`)
    }
  }

  async function freeze(repository: HostedRepository): Promise<void> {
    const refs = await git.run([
      '-C',
      repository.directory,
      'for-each-ref',
      '--format=%(objectname) %(refname)',
      'refs/heads',
      'refs/tags'
    ])
    const commands = refs.split('\n').flatMap((line) => {
      const [commit, ref] = line.split(' ')
      return commit !== undefined && ref !== undefined ? [`update ${frozenPrefix}${ref} ${commit}\n`] : []
    })
    await git.run(['-C', repository.directory, 'update-ref', '--stdin'], commands.join(''))
    await git.run([
      '-C',
      repository.directory,
      'symbolic-ref',
      `${frozenPrefix}HEAD`,
      `${frozenPrefix}refs/heads/${repository.defaultBranch}`
    ])
  }

  async function thaw(repository: HostedRepository): Promise<void> {
    await git.ask(['-C', repository.directory, 'symbolic-ref', '--delete', `${frozenPrefix}HEAD`])
    const refs = await git.run(['-C', repository.directory, 'for-each-ref', '--format=delete %(refname)', frozenPrefix])
    await git.run(['-C', repository.directory, 'update-ref', '--stdin'], refs)
  }

  return {
    async create({ owner: login, name, isPrivate, defaultBranch = 'main' }) {
      const owner = accounts.ensure(login, state.data.kind === 'gitlab' ? 'Group' : 'Organization')
      assertFree(`${owner.login}/${name}`, null)
      assertBranch(defaultBranch)
      const created = { id: state.nextId(), ownerId: owner.id, name, isPrivate, isArchived: false, defaultBranch }
      const repository: RepositoryRecord = { ...created, formerNames: [], createdAt: now(), pushedAt: null }
      const { directory } = hosted(repository)
      state.data.repositories.push(repository)
      try {
        await git.run(['init', '--quiet', '--bare', `--initial-branch=${defaultBranch}`, '--', directory])
      } catch (err) {
        state.data.repositories = state.data.repositories.filter((candidate) => candidate !== repository)
        throw err
      }
      state.changed()
      return hosted(repository)
    },
    all,
    byId(id) {
      const found = state.data.repositories.find((candidate) => candidate.id === id)
      return found === undefined ? null : hosted(found)
    },
    byName,
    async change(id, change) {
      const found = record(id)
      const before = hosted(found)
      const owner = accounts.byId(change.ownerId ?? found.ownerId)
      const fullName = `${owner.login}/${change.name ?? found.name}`
      assertFree(fullName, id)
      if (change.defaultBranch !== undefined) {
        assertBranch(change.defaultBranch)
        await git.run(['-C', before.directory, 'symbolic-ref', 'HEAD', `refs/heads/${change.defaultBranch}`])
      }
      Object.assign(found, change)
      if (fullName !== before.fullName) found.formerNames.push(before.fullName)
      state.changed()
      return hosted(found)
    },
    async remove(id) {
      const { directory } = hosted(record(id))
      state.data.repositories = state.data.repositories.filter((candidate) => candidate.id !== id)
      state.data.checkRuns = state.data.checkRuns.filter((run) => run.repositoryId !== id)
      state.data.statuses = state.data.statuses.filter((status) => status.repositoryId !== id)
      frozen.delete(id)
      state.changed()
      await rm(directory, { recursive: true, force: true })
    },
    async setFrozen(id, isFrozen) {
      const repository = hosted(record(id))
      await thaw(repository)
      if (isFrozen) await freeze(repository)
      if (isFrozen) frozen.add(id)
      else frozen.delete(id)
    },
    isFrozen: (id) => frozen.has(id)
  }
}

function assertBranch(branch: string): void {
  if (!isValidRef(`refs/heads/${branch}`)) {
    throw new Failure('invalid-request', `${JSON.stringify(branch.slice(0, 80))} is no name for a branch`)
  }
}
