import type { ForgeInstance, Repository } from '@slipway/domain'
import { commitUrl, lineUrl, repositoryUrl } from '@slipway/forge'

/** Pages at the forges; null for a repository that is not known, or of a forge that is not configured any more. */
export interface ForgeLinks {
  repository(repository: Repository | null): string | null
  commit(repository: Repository | null, commit: string): string | null
  /** The commit's page with `{commit}` in the place of its id. */
  anyCommit(repository: Repository | null): string | null
  line(repository: Repository | null, commit: string, place: { path: string; line: number }): string | null
}

const placeholder = 'f'.repeat(40)

export function createForgeLinks(instances: readonly ForgeInstance[]): ForgeLinks {
  const byId = new Map(instances.map((instance) => [instance.forgeId, instance]))
  function linked(repository: Repository | null, address: (instance: ForgeInstance, of: Repository) => string) {
    const instance = repository === null ? undefined : byId.get(repository.forgeId)
    return instance === undefined || repository === null ? null : address(instance, repository)
  }
  return {
    repository: (repository) => linked(repository, repositoryUrl),
    commit: (repository, commit) => linked(repository, (instance, of) => commitUrl(instance, of, commit)),
    anyCommit: (repository) =>
      linked(repository, (instance, of) => commitUrl(instance, of, placeholder).replace(placeholder, '{commit}')),
    line: (repository, commit, place) => linked(repository, (instance, of) => lineUrl(instance, of, commit, place))
  }
}
