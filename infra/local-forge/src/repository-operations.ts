import { Failure } from '@slipway/domain'
import type { Core } from './core.ts'
import type { Deliveries } from './deliveries.ts'
import type { Developer } from './developers.ts'
import type { ForgeForm, RepositoryChange } from './form.ts'
import type { HostedRepository, NewRepository } from './repositories.ts'

/** A repository as its users see it. */
export interface LocalRepository {
  id: number
  owner: { id: number; login: string }
  name: string
  fullName: string
  isPrivate: boolean
  defaultBranch: string
  /** The page that shows it. */
  pageUrl: string
  /** With the developer's credential: may read and push. */
  cloneUrl: string
  /** Without a credential. */
  anonymousUrl: string
  /** The bare repository. */
  directory: string
}

/** Ids are the forge's numeric ids. */
export interface RepositoryOperations {
  createRepository(repository: NewRepository): Promise<LocalRepository>
  /** By id or full name. */
  repository(idOrName: number | string): LocalRepository
  repositories(): LocalRepository[]
  /** The clone URL with the credential of somebody else. */
  cloneUrlFor(id: number, credential: { username: string; password: string }): string
  renameRepository(id: number, name: string): Promise<LocalRepository>
  transferRepository(id: number, owner: string): Promise<LocalRepository>
  changeRepository(
    id: number,
    change: { isPrivate?: boolean; isArchived?: boolean; defaultBranch?: string }
  ): Promise<LocalRepository>
  removeRepository(id: number): Promise<void>
}

export function repositoryOperations(
  core: Core,
  form: ForgeForm,
  deliveries: Deliveries,
  developer: Developer
): RepositoryOperations {
  const { repositories, accounts, address } = core

  function find(idOrName: number | string): HostedRepository {
    const found = typeof idOrName === 'number' ? repositories.byId(idOrName) : repositories.byName(idOrName)
    if (found === null) throw new Failure('not-found', `there is no repository ${idOrName}`)
    return found
  }

  function cloneUrlFor(id: number, { username, password }: { username: string; password: string }): string {
    const url = new URL(`${address().url}/${find(id).fullName}.git`)
    url.username = username
    url.password = password
    return url.href
  }

  const describe = (repository: HostedRepository): LocalRepository => ({
    id: repository.id,
    owner: { id: repository.owner.id, login: repository.owner.login },
    name: repository.name,
    fullName: repository.fullName,
    isPrivate: repository.isPrivate,
    defaultBranch: repository.defaultBranch,
    pageUrl: `${address().url}/${repository.fullName}`,
    cloneUrl: cloneUrlFor(repository.id, { username: developer.login, password: developer.token }),
    anonymousUrl: `${address().url}/${repository.fullName}.git`,
    directory: repository.directory
  })

  function tell(change: RepositoryChange): void {
    const content = form.describeChange(change)
    if (content !== null) deliveries.send(content)
  }

  return {
    createRepository: async (repository) => describe(await repositories.create(repository)),
    repository: (idOrName) => describe(find(idOrName)),
    repositories: () => repositories.all().map(describe),
    cloneUrlFor,
    async renameRepository(id, name) {
      const before = find(id)
      const after = await repositories.change(id, { name })
      tell({ action: 'renamed', before, after })
      return describe(after)
    },
    async transferRepository(id, owner) {
      const before = find(id)
      const ownerId = accounts.ensure(owner, core.state.data.kind === 'gitlab' ? 'Group' : 'Organization').id
      const after = await repositories.change(id, { ownerId })
      tell({ action: 'transferred', before, after })
      return describe(after)
    },
    async changeRepository(id, change) {
      const before = find(id)
      const after = await repositories.change(id, change)
      if (before.isPrivate !== after.isPrivate)
        tell({ action: after.isPrivate ? 'privatized' : 'publicized', before, after })
      if (before.isArchived !== after.isArchived)
        tell({ action: after.isArchived ? 'archived' : 'unarchived', before, after })
      if (before.defaultBranch !== after.defaultBranch) tell({ action: 'edited', before, after })
      return describe(after)
    },
    async removeRepository(id) {
      const before = find(id)
      await repositories.remove(id)
      tell({ action: 'deleted', before, after: before })
    }
  }
}
