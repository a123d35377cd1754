import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { accessTokenAnswer } from './answers-gitlab.ts'
import { parameters, refusal } from './rest.ts'
import type { GitLabRestDeps, ProjectAccess } from './rest-gitlab.ts'
import type { Permissions } from './state.ts'

/**
 * Credentials for one project: https://docs.gitlab.com/api/project_access_tokens/ and
 * https://docs.gitlab.com/api/deploy_tokens/
 */

const NewToken = Type.Object({
  name: Type.String({ minLength: 1 }),
  scopes: Type.Array(Type.String(), { minItems: 1 }),
  expires_at: Type.Optional(Type.String()),
  access_level: Type.Optional(Type.Integer()),
  username: Type.Optional(Type.String())
})

const scopePermissions: Record<string, Permissions> = {
  api: { api: 'write', contents: 'write' },
  read_api: { api: 'read' },
  read_repository: { contents: 'read' },
  write_repository: { contents: 'write' }
}

export function registerProjectTokens(scope: FastifyInstance, deps: GitLabRestDeps, access: ProjectAccess): void {
  const { state, accounts, tokens, now } = deps

  for (const kind of ['access_tokens', 'deploy_tokens'] as const) {
    const isDeploy = kind === 'deploy_tokens'

    scope.post(`/projects/:id/${kind}`, (request, reply) => {
      const { repository } = access(request, 'write')
      const { name, scopes, expires_at: expiry, username } = parameters(request, NewToken)
      const expiresAt = expiry === undefined ? now() + 365 * 86_400_000 : Date.parse(expiry)
      if (!(expiresAt > now())) throw refusal(400, 'expires_at must be a date in the future')
      const permissions = Object.assign({}, ...scopes.map((scope) => scopePermissions[scope] ?? {}))
      const bot = accounts.ensure(`project_${repository.id}_bot`, 'User')
      const token = tokens.issue({
        prefix: isDeploy ? 'gldt-' : 'glpat-',
        name,
        accountId: bot.id,
        installationId: null,
        repositoryIds: [repository.id],
        permissions,
        expiresAt
      })
      const answer = accessTokenAnswer(token, scopes)
      if (!isDeploy) return reply.code(201).send(answer)
      const { id, token: secret } = answer
      return reply.code(201).send({
        id,
        name,
        username: username ?? `gitlab+deploy-token-${id}`,
        expires_at: new Date(expiresAt).toISOString(),
        revoked: false,
        expired: false,
        scopes,
        token: secret
      })
    })

    scope.delete(`/projects/:id/${kind}/:tokenId`, (request, reply) => {
      const { repository } = access(request, 'write')
      const { tokenId } = request.params as { tokenId: string }
      const token = state.data.tokens.find(
        (token) => String(token.id) === tokenId && token.repositoryIds?.includes(repository.id)
      )
      if (token === undefined) throw refusal(404, '404 Token Not Found')
      tokens.revoke(token.id)
      return reply.code(204).send()
    })
  }
}
