import { Failure } from '@slipway/domain'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { type Access, createAccess, type GitHubRestDeps, repositoryPaths } from './access-github.ts'
import { appAnswer, fullRepositoryAnswer, installationAnswer, iso, nodeId, repositoryAnswer } from './answers-github.ts'
import { registerChecks } from './checks-github.ts'
import { registerDeliveries } from './deliveries-github.ts'
import { permissionsOf, refuseJwt } from './github-app.ts'
import { registerManifests } from './manifest-rest-github.ts'
import type { HostedRepository } from './repositories.ts'
import { bearerToken, paginate, refusal, statusCodeOf } from './rest.ts'
import { type Installation, Permissions } from './state.ts'
import { coversRepository, hasPermission, signedInToken } from './tokens.ts'
import { permissionsAnswer, registerUsers } from './users-github.ts'

const tokenLifetimeMs = 3_600_000
const documentationUrl = 'https://docs.github.com/rest'

/** The part of GitHub's REST API that Slipway uses: https://docs.github.com/en/rest */
export async function gitHubRest(scope: FastifyInstance, deps: GitHubRestDeps): Promise<void> {
  scope.setErrorHandler((err, request, reply) => answerError(err, request, reply))
  scope.setNotFoundHandler((_request, reply) => reply.code(404).send(message(404, 'Not Found')))
  const access = createAccess(deps)
  registerApp(scope, deps)
  registerDeliveries(scope, deps, createAssertApp(deps))
  registerUsers(scope, deps)
  registerManifests(scope, deps, createAssertApp(deps))
  registerRepositories(scope, deps, access)
  registerChecks(scope, deps, access)
}

function message(status: number, text: string) {
  return { message: text, documentation_url: documentationUrl, status: String(status) }
}

function answerError(err: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (err instanceof Error && 'location' in err && typeof err.location === 'string') {
    const status = request.method === 'GET' ? 301 : 307
    return reply
      .code(status)
      .header('location', err.location)
      .send({ message: 'Moved Permanently', url: err.location, documentation_url: documentationUrl })
  }
  if (err instanceof Error && 'validation' in err) {
    const errors = [{ resource: 'Request', code: 'invalid', message: err.message }]
    return reply.code(422).send({ ...message(422, 'Validation Failed'), errors })
  }
  const status = err instanceof Failure && err.code === 'name-taken' ? 422 : statusCodeOf(err)
  if (status >= 500) request.log.error({ err }, 'a REST call failed')
  return reply.code(status).send(message(status, err instanceof Error ? err.message : 'Server Error'))
}

const TokenRequest = Type.Union([
  Type.Null(),
  Type.Object({
    repositories: Type.Optional(Type.Array(Type.String(), { maxItems: 500 })),
    repository_ids: Type.Optional(Type.Array(Type.Integer(), { maxItems: 500 })),
    permissions: Type.Optional(Permissions)
  })
])

/** For calls that only the App itself may make. */
function createAssertApp({ app, now }: Pick<GitHubRestDeps, 'app' | 'now'>) {
  return (request: FastifyRequest): void => {
    const jwt = bearerToken(request)
    const reason = jwt === null ? 'A JSON web token could not be decoded' : refuseJwt(app, jwt, now())
    if (reason !== null) throw refusal(401, reason)
  }
}

function registerApp(scope: FastifyInstance, deps: GitHubRestDeps): void {
  const { state, app, address, accounts, repositories, installations, tokens, now } = deps

  const assertApp = createAssertApp(deps)

  function installationOf(request: FastifyRequest): Installation {
    const { installationId } = request.params as { installationId: string }
    const installation = /^[0-9]{1,15}$/.test(installationId) ? installations.byId(Number(installationId)) : null
    if (installation === null) throw refusal(404, 'Not Found')
    return installation
  }

  const answerOf = (installation: Installation) =>
    installationAnswer(address(), app, installation, accounts.byId(installation.ownerId))
  const seenBy = (installation: Installation) =>
    repositories.all().filter((repository) => installations.ofRepository(repository)?.id === installation.id)

  scope.get('/app', (request) => {
    assertApp(request)
    return appAnswer(address(), app, accounts.byId(app.accountId), state.data.installations.length)
  })

  scope.get('/app/installations', (request, reply) => {
    assertApp(request)
    return paginate(request, reply, state.data.installations, address().url).map(answerOf)
  })

  scope.get('/app/installations/:installationId', (request) => {
    assertApp(request)
    return answerOf(installationOf(request))
  })

  for (const path of repositoryPaths) {
    scope.get(`${path}/installation`, (request) => {
      assertApp(request)
      const { owner, repo, repositoryId } = request.params as Record<string, string | undefined>
      const repository =
        repositoryId === undefined ? repositories.byName(`${owner}/${repo}`) : repositories.byId(Number(repositoryId))
      const installation = repository === null ? null : installations.ofRepository(repository)
      if (installation === null) throw refusal(404, 'Not Found')
      return answerOf(installation)
    })
  }

  scope.post<{ Body: Static<typeof TokenRequest> }>(
    '/app/installations/:installationId/access_tokens',
    { schema: { body: TokenRequest } },
    (request, reply) => {
      assertApp(request)
      const installation = installationOf(request)
      if (installation.suspendedAt !== null) throw refusal(403, 'This installation has been suspended')
      const seen = seenBy(installation)
      const { repositories: names, repository_ids: ids, permissions } = request.body ?? {}
      const chosen = chooseRepositories(seen, names, ids)
      const token = tokens.issue({
        prefix: 'ghs_',
        name: 'installation',
        accountId: app.accountId,
        installationId: installation.id,
        repositoryIds: chosen === null ? installation.repositoryIds : chosen.map(({ id }) => id),
        permissions: narrow(permissionsOf(app), permissions),
        expiresAt: now() + tokenLifetimeMs
      })
      return reply.code(201).send({
        token: token.token,
        expires_at: iso(token.expiresAt ?? 0),
        permissions: token.permissions,
        repository_selection: chosen === null && installation.repositoryIds === null ? 'all' : 'selected',
        ...(chosen === null
          ? {}
          : { repositories: chosen.map((repository) => repositoryAnswer(address(), repository)) })
      })
    }
  )

  scope.get('/installation/repositories', (request, reply) => {
    const token = tokens.find(bearerToken(request) ?? '')
    if (token === null) throw refusal(401, 'Bad credentials')
    const installation = token.installationId === null ? null : installations.byId(token.installationId)
    if (installation === null) throw refusal(403, 'Resource not accessible by integration')
    if (installation.suspendedAt !== null) throw refusal(403, 'This installation has been suspended')
    const seen = seenBy(installation).filter((repository) => coversRepository(token, repository))
    return {
      total_count: seen.length,
      repository_selection: installation.repositoryIds === null ? 'all' : 'selected',
      repositories: paginate(request, reply, seen, address().url).map((repository) =>
        repositoryAnswer(address(), repository)
      )
    }
  })
}

/** null when the request names none: then the token is for all that the installation sees. */
function chooseRepositories(
  seen: HostedRepository[],
  names: string[] | undefined,
  ids: number[] | undefined
): HostedRepository[] | null {
  if (names === undefined && ids === undefined) return null
  const chosen = seen.filter(
    (repository) => ids?.includes(repository.id) === true || names?.includes(repository.name) === true
  )
  if (chosen.length < new Set(ids).size + new Set(names).size) {
    throw refusal(
      422,
      'There is at least one repository that does not exist or is not accessible to the parent installation.'
    )
  }
  return chosen
}

function narrow(granted: Permissions, wanted: Permissions | undefined): Permissions {
  if (wanted === undefined) return granted
  for (const [name, level] of Object.entries(wanted)) {
    if (granted[name] !== level && granted[name] !== 'write') {
      throw refusal(422, 'The permissions requested are not granted to this installation.')
    }
  }
  // GitHub adds this one to every token.
  return { metadata: 'read', ...wanted }
}

const NewRepositoryRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  private: Type.Optional(Type.Boolean())
})

function registerRepositories(scope: FastifyInstance, deps: GitHubRestDeps, access: Access): void {
  const { address, accounts, repositories, installations, people, tokens, commits } = deps

  for (const path of repositoryPaths) {
    scope.get(path, (request) => {
      const { repository, token } = access(request, 'metadata', 'read')
      const answer = fullRepositoryAnswer(address(), repository)
      if (token?.name !== signedInToken) return answer
      return { ...answer, permissions: permissionsAnswer(people.levelOnRepository(token.accountId, repository) || 10) }
    })

    scope.get(`${path}/git/ref/*`, async (request) => {
      const { repository } = access(request, 'contents', 'read')
      const { '*': name } = request.params as { '*': string }
      const found = await commits.ref(repository, `refs/${name}`)
      if (found === null) throw refusal(404, 'Not Found')
      const self = `${address().apiUrl}/repos/${repository.fullName}/git`
      return {
        ref: found.ref,
        node_id: nodeId('Ref', `${repository.id}:${found.ref}`),
        url: `${self}/${found.ref}`,
        object: { sha: found.objectId, type: found.objectType, url: `${self}/${found.objectType}s/${found.objectId}` }
      }
    })
  }

  for (const path of ['/user/repos', '/orgs/:org/repos']) {
    scope.post<{ Body: Static<typeof NewRepositoryRequest>; Params: { org?: string } }>(
      path,
      { schema: { body: NewRepositoryRequest } },
      async (request, reply) => {
        const token = tokens.find(bearerToken(request) ?? '')
        if (token === null) throw refusal(401, 'Requires authentication')
        if (!hasPermission(token, 'administration', 'write'))
          throw refusal(403, 'Resource not accessible by integration')
        const owner = request.params.org ?? accounts.byId(token.accountId).login
        const { name, private: isPrivate = false } = request.body
        const repository = await repositories.create({ owner, name, isPrivate })
        if (installations.ofOwner(repository.ownerId) === null) installations.add(repository.ownerId, null)
        return reply.code(201).send(fullRepositoryAnswer(address(), repository))
      }
    )
  }
}
