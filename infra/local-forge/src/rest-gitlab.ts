import { Failure } from '@slipway/domain'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Accounts } from './accounts.ts'
import type { Address } from './address.ts'
import { commitAnswer, groupAnswer, namespaceAnswer, projectAnswer, userAnswer } from './answers-gitlab.ts'
import type { Commits } from './commits.ts'
import type { Deliveries } from './deliveries.ts'
import { registerHooks } from './hooks-gitlab.ts'
import type { People } from './people.ts'
import type { HostedRepository, Repositories } from './repositories.ts'
import { parameters, refusal, statusCodeOf } from './rest.ts'
import type { Account, StateFile, Token } from './state.ts'
import { registerStatuses } from './statuses-gitlab.ts'
import { coversRepository, hasPermission, signedInToken, type Tokens } from './tokens.ts'
import { createAuthentication, registerMemberships, withPermissions } from './users-gitlab.ts'

export interface GitLabRestDeps {
  state: StateFile
  address: () => Address
  accounts: Accounts
  repositories: Repositories
  people: People
  tokens: Tokens
  commits: Commits
  deliveries: Pick<Deliveries, 'send' | 'settled'>
  now: () => number
}

/** Finds the project that a request names and holds its token against what it wants to do there. */
export type ProjectAccess = (
  request: FastifyRequest,
  level: 'read' | 'write'
) => { repository: HostedRepository; token: Token | null }

/** The part of GitLab's REST API that Slipway uses: https://docs.gitlab.com/api/rest/ */
export async function gitLabRest(scope: FastifyInstance, deps: GitLabRestDeps): Promise<void> {
  scope.setErrorHandler((err, request, reply) => answerError(err, request, reply))
  scope.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: '404 Not Found' }))
  scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))))
  })
  const access = createProjectAccess(deps)
  registerAccounts(scope, deps)
  registerMemberships(scope, deps)
  registerProjects(scope, deps, access)
  registerStatuses(scope, deps, access)
  registerHooks(scope, deps, access)
}

function answerError(err: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = statusCodeOf(err)
  if (status >= 500) request.log.error({ err }, 'a REST call failed')
  const text = err instanceof Error ? err.message : '500 Internal Server Error'
  // Grape, GitLab's own validation, says `error`; everything else says `message`.
  if (err instanceof Error && 'parameter' in err) return reply.code(status).send({ error: text })
  const isTaken = err instanceof Failure && err.code === 'name-taken'
  return reply.code(isTaken ? 400 : status).send({ message: isTaken ? { name: ['has already been taken'] } : text })
}

function createProjectAccess({ repositories, people, tokens }: GitLabRestDeps): ProjectAccess {
  const authenticate = createAuthentication(tokens)
  return (request, level) => {
    const token = authenticate(request)
    const { id } = request.params as { id: string }
    const repository = /^[0-9]{1,15}$/.test(id) ? repositories.byId(Number(id)) : repositories.byName(id)
    const isCovered =
      repository !== null && token !== null && coversRepository(token, repository) && people.covers(token, repository)
    if (repository === null || (!isCovered && repository.isPrivate)) throw refusal(404, '404 Project Not Found')
    if (level === 'read' && (!isCovered || hasPermission(token, 'api', 'read'))) return { repository, token }
    if (token === null) throw refusal(401, '401 Unauthorized')
    if (!isCovered || !hasPermission(token, 'api', level)) throw refusal(403, '403 Forbidden')
    return { repository, token }
  }
}

function registerAccounts(scope: FastifyInstance, { address, accounts, tokens }: GitLabRestDeps): void {
  const authenticate = createAuthentication(tokens)

  function find(request: FastifyRequest): Account | null {
    if (authenticate(request) === null) throw refusal(401, '401 Unauthorized')
    const { id } = request.params as { id: string }
    return /^[0-9]{1,15}$/.test(id) ? accounts.byNamespaceId(Number(id)) : accounts.byLogin(id)
  }

  scope.get('/user', (request) => {
    const token = authenticate(request)
    if (token === null) throw refusal(401, '401 Unauthorized')
    return userAnswer(address(), accounts.byId(token.accountId))
  })

  scope.get('/namespaces/:id', (request) => {
    const account = find(request)
    if (account === null) throw refusal(404, '404 Namespace Not Found')
    return namespaceAnswer(address(), account, accounts)
  })

  scope.get('/groups/:id', (request) => {
    const account = find(request)
    if (account === null || account.type === 'User') throw refusal(404, '404 Group Not Found')
    return groupAnswer(address(), account)
  })
}

const NewProject = Type.Object({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  path: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  namespace_id: Type.Optional(Type.Integer()),
  visibility: Type.Optional(Type.Union([Type.Literal('private'), Type.Literal('internal'), Type.Literal('public')])),
  default_branch: Type.Optional(Type.String())
})

function registerProjects(scope: FastifyInstance, deps: GitLabRestDeps, access: ProjectAccess): void {
  const { address, accounts, repositories, people, tokens, commits } = deps
  const authenticate = createAuthentication(tokens)

  scope.get('/projects/:id', (request) => {
    const { repository, token } = access(request, 'read')
    const answer = projectAnswer(address(), repository, accounts)
    return token?.name === signedInToken ? withPermissions(answer, people, token, repository) : answer
  })

  scope.post('/projects', async (request, reply) => {
    const token = authenticate(request)
    if (token === null) throw refusal(401, '401 Unauthorized')
    if (token.repositoryIds !== null || !hasPermission(token, 'api', 'write')) throw refusal(403, '403 Forbidden')
    const {
      name,
      path,
      namespace_id: namespaceId,
      visibility,
      default_branch: branch
    } = parameters(request, NewProject)
    const chosen = path ?? name
    if (chosen === undefined) throw refusal(400, 'name, path are missing, at least one parameter must be provided')
    const owner = namespaceId === undefined ? accounts.byId(token.accountId) : accounts.byNamespaceId(namespaceId)
    if (owner === null) throw refusal(404, '404 Namespace Not Found')
    const repository = await repositories.create({
      owner: owner.login,
      name: chosen,
      isPrivate: visibility !== 'public',
      ...(branch === undefined ? {} : { defaultBranch: branch })
    })
    return reply.code(201).send(projectAnswer(address(), repository, accounts))
  })

  scope.get('/projects/:id/repository/branches/:branch', async (request) => {
    const { repository } = access(request, 'read')
    const { branch } = request.params as { branch: string }
    const commit = await commits.resolve(repository, `refs/heads/${branch}`)
    const found = commit === null ? null : await commits.find(repository, commit)
    if (found === null) throw refusal(404, '404 Branch Not Found')
    const isDefault = branch === repository.defaultBranch
    return {
      name: branch,
      commit: commitAnswer(address(), repository, found),
      merged: false,
      protected: isDefault,
      developers_can_push: false,
      developers_can_merge: false,
      can_push: false,
      default: isDefault,
      web_url: `${address().url}/${repository.fullName}/-/tree/${branch}`
    }
  })

  scope.get('/projects/:id/repository/commits/:sha', async (request) => {
    const { repository } = access(request, 'read')
    const { sha } = request.params as { sha: string }
    const commit = (await commits.resolve(repository, sha)) ?? (await commits.resolve(repository, `refs/heads/${sha}`))
    const found = commit === null ? null : await commits.find(repository, commit)
    if (found === null) throw refusal(404, '404 Commit Not Found')
    return commitAnswer(address(), repository, found)
  })
}
