import type { FastifyRequest } from 'fastify'
import type { Accounts } from './accounts.ts'
import type { Address } from './address.ts'
import type { Commits } from './commits.ts'
import type { Deliveries } from './deliveries.ts'
import type { Installations } from './github-app.ts'
import type { Manifests } from './manifests-github.ts'
import type { People } from './people.ts'
import type { HostedRepository, Repositories } from './repositories.ts'
import { bearerToken, refusal } from './rest.ts'
import type { App, StateFile, Token } from './state.ts'
import { hasPermission, type Tokens } from './tokens.ts'

export interface GitHubRestDeps {
  state: StateFile
  app: App
  address: () => Address
  accounts: Accounts
  repositories: Repositories
  installations: Installations
  people: People
  tokens: Tokens
  commits: Commits
  deliveries: Pick<Deliveries, 'all'>
  manifests: Manifests
  now: () => number
}

/** Finds the repository that a request names and holds its token against what it wants to do there. */
export type Access = (
  request: FastifyRequest,
  permission: string,
  level: 'read' | 'write'
) => { repository: HostedRepository; token: Token | null }

/** Every call about a repository is answered below its name and below its id: a renamed one redirects to the latter. */
export const repositoryPaths = ['/repos/:owner/:repo', '/repositories/:repositoryId']

export function createAccess({ address, repositories, installations, people, tokens }: GitHubRestDeps): Access {
  function find(request: FastifyRequest): HostedRepository {
    const { owner, repo, repositoryId } = request.params as Record<string, string | undefined>
    const byId = /^[0-9]{1,15}$/.test(repositoryId ?? '')
    const fullName = `${owner}/${repo}`
    const repository = byId ? repositories.byId(Number(repositoryId)) : repositories.byName(fullName)
    if (repository === null) throw refusal(404, 'Not Found')
    if (!byId && repository.fullName.toLowerCase() !== fullName.toLowerCase()) {
      const path = request.url.split('/').slice(request.url.split('/').indexOf('repos') + 3)
      const location = [`${address().apiUrl}/repositories/${repository.id}`, ...path].join('/')
      throw Object.assign(new Error('Moved Permanently'), { location })
    }
    return repository
  }

  return (request, permission, level) => {
    const given = bearerToken(request)
    const token = given === null ? null : tokens.find(given)
    if (given !== null && token === null) throw refusal(401, 'Bad credentials')
    const installation = token?.installationId == null ? null : installations.byId(token.installationId)
    if (installation?.suspendedAt != null) throw refusal(403, 'This installation has been suspended')
    const repository = find(request)
    const isCovered = token !== null && installations.cover(token, repository) && people.covers(token, repository)
    if (!isCovered && repository.isPrivate) throw refusal(404, 'Not Found')
    if (!isCovered && level === 'read') return { repository, token }
    if (token === null) throw refusal(401, 'Requires authentication')
    if (!isCovered || !hasPermission(token, permission, level)) {
      throw refusal(403, 'Resource not accessible by integration')
    }
    return { repository, token }
  }
}
