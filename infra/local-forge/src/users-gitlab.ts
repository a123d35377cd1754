import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { groupAnswer, projectAnswer } from './answers-gitlab.ts'
import type { People } from './people.ts'
import type { HostedRepository } from './repositories.ts'
import { bearerToken, paginate, parameters, refusal } from './rest.ts'
import type { GitLabRestDeps } from './rest-gitlab.ts'
import type { AccessLevel, Token } from './state.ts'
import { hasPermission, type Tokens } from './tokens.ts'

const Level = Type.Optional(Type.Enum([5, 10, 15, 20, 30, 40, 50]))
const GroupsQuery = Type.Object({ min_access_level: Level, top_level_only: Type.Optional(Type.Boolean()) })
const ProjectsQuery = Type.Object({ min_access_level: Level, membership: Type.Optional(Type.Boolean()) })

/** null: nobody. @throws a refusal for a token that is none */
export function createAuthentication(tokens: Tokens): (request: FastifyRequest) => Token | null {
  return (request) => {
    const header = request.headers['private-token']
    const given = typeof header === 'string' ? header : bearerToken(request)
    const token = given === null ? null : tokens.find(given)
    if (given !== null && token === null) throw refusal(401, '401 Unauthorized')
    return token
  }
}

/** What a person is a member of: https://docs.gitlab.com/api/groups/ and https://docs.gitlab.com/api/projects/ */
export function registerMemberships(scope: FastifyInstance, deps: GitLabRestDeps): void {
  const { state, address, accounts, people, tokens } = deps
  const authenticate = createAuthentication(tokens)

  function readerOf(request: FastifyRequest): Token {
    const token = authenticate(request)
    if (token === null) throw refusal(401, '401 Unauthorized')
    if (!hasPermission(token, 'api', 'read')) throw refusal(403, '403 Forbidden')
    return token
  }

  scope.get('/groups', (request, reply) => {
    const { accountId } = readerOf(request)
    const { min_access_level: level = 5, top_level_only: isTop = false } = parameters(request, GroupsQuery)
    const groups = state.data.accounts.filter(
      ({ id, type, parentId }) =>
        type === 'Group' && (!isTop || parentId === null) && people.levelOnOwner(accountId, id) >= level
    )
    return paginate(request, reply, groups, address().url).map((group) => groupAnswer(address(), group))
  })

  scope.get('/projects', (request, reply) => {
    const { accountId } = readerOf(request)
    const { min_access_level: least = 5, membership = false } = parameters(request, ProjectsQuery)
    if (!membership) throw refusal(400, 'the local forge lists projects only with membership=true')
    const found = people.repositoriesOf(accountId).filter(({ level }) => level >= least)
    return paginate(request, reply, found, address().url).map(({ repository }) =>
      projectAnswer(address(), repository, accounts)
    )
  })
}

/** GitLab says a project's own level and that of its group apart; the higher one counts. */
export function withPermissions(
  answer: ReturnType<typeof projectAnswer>,
  people: People,
  { accountId }: Token,
  repository: HostedRepository
) {
  const access = (level: AccessLevel | 0) => (level === 0 ? null : { access_level: level, notification_level: 3 })
  return {
    ...answer,
    permissions: {
      project_access: access(people.levelOnRepository(accountId, repository)),
      group_access: access(people.levelOnOwner(accountId, repository.ownerId))
    }
  }
}
