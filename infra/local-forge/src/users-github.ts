import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { GitHubRestDeps } from './access-github.ts'
import type { Address } from './address.ts'
import { accountAnswer, installationAnswer, iso, nodeId, repositoryAnswer } from './answers-github.ts'
import { bearerToken, paginate, refusal } from './rest.ts'
import type { Account, Installation } from './state.ts'
import { signedInToken } from './tokens.ts'

/** What a person's token may ask about that person: https://docs.github.com/en/rest/apps/installations */
export function registerUsers(scope: FastifyInstance, deps: GitHubRestDeps): void {
  const { state, app, address, accounts, repositories, installations, people, tokens } = deps

  function userOf(request: FastifyRequest): Account {
    const token = tokens.find(bearerToken(request) ?? '')
    if (token === null) throw refusal(401, 'Bad credentials')
    if (token.installationId !== null) throw refusal(403, 'Resource not accessible by integration')
    return accounts.byId(token.accountId)
  }

  /** An App's user token sees what the App sees as well. */
  function appUserOf(request: FastifyRequest): Account {
    const user = userOf(request)
    if (tokens.find(bearerToken(request) ?? '')?.name !== signedInToken) {
      throw refusal(403, 'You must authenticate with an access token authorized to a GitHub App')
    }
    return user
  }
  const seenBy = (user: Account, installation: Installation) =>
    repositories.all().flatMap((repository) => {
      const level = people.levelOnRepository(user.id, repository)
      const isSeen = installations.ofRepository(repository)?.id === installation.id
      return isSeen && (level >= 20 || (level > 0 && !repository.isPrivate)) ? [{ repository, level }] : []
    })
  const installationsOf = (user: Account) =>
    state.data.installations.filter(
      (installation) =>
        people.levelOnOwner(user.id, installation.ownerId) >= 50 || seenBy(user, installation).length > 0
    )
  const organisationsOf = (user: Account) =>
    people.membershipsOf(user.id).filter(({ owner }) => owner.type === 'Organization')

  scope.get('/user', (request) => userAnswer(address(), userOf(request)))

  scope.get('/user/orgs', (request, reply) => {
    const organisations = organisationsOf(userOf(request))
    return paginate(request, reply, organisations, address().url).map(({ owner }) =>
      organisationAnswer(address(), owner)
    )
  })

  scope.get('/user/memberships/orgs', (request, reply) => {
    const user = userOf(request)
    return paginate(request, reply, organisationsOf(user), address().url).map(({ owner, level }) => ({
      url: `${address().apiUrl}/orgs/${owner.login}/memberships/${user.login}`,
      state: 'active',
      role: level === 50 ? 'admin' : 'member',
      organization_url: `${address().apiUrl}/orgs/${owner.login}`,
      organization: organisationAnswer(address(), owner),
      user: accountAnswer(address(), user)
    }))
  })

  scope.get('/user/installations', (request, reply) => {
    const found = installationsOf(appUserOf(request))
    return {
      total_count: found.length,
      installations: paginate(request, reply, found, address().url).map((installation) =>
        installationAnswer(address(), app, installation, accounts.byId(installation.ownerId))
      )
    }
  })

  scope.get('/user/installations/:installationId/repositories', (request, reply) =>
    installedRepositories(request, reply)
  )

  function installedRepositories(request: FastifyRequest, reply: FastifyReply) {
    const user = appUserOf(request)
    const { installationId } = request.params as { installationId: string }
    const installation = installationsOf(user).find(({ id }) => String(id) === installationId)
    if (installation === undefined) throw refusal(404, 'Not Found')
    if (installation.suspendedAt !== null) throw refusal(403, 'This installation has been suspended')
    const seen = seenBy(user, installation)
    return {
      total_count: seen.length,
      repository_selection: installation.repositoryIds === null ? 'all' : 'selected',
      repositories: paginate(request, reply, seen, address().url).map(({ repository, level }) => ({
        ...repositoryAnswer(address(), repository),
        permissions: permissionsAnswer(level)
      }))
    }
  }
}

/** What a level on GitLab's scale is at GitHub. */
export function permissionsAnswer(level: number) {
  return { admin: level >= 50, maintain: level >= 40, push: level >= 30, triage: level >= 20, pull: level >= 10 }
}

function userAnswer(address: Address, user: Account) {
  return {
    ...accountAnswer(address, user),
    name: user.login,
    company: null,
    blog: '',
    location: null,
    email: null,
    hireable: null,
    bio: null,
    public_repos: 0,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: iso(user.createdAt),
    updated_at: iso(user.createdAt)
  }
}

function organisationAnswer({ url, apiUrl }: Address, organisation: Account) {
  const self = `${apiUrl}/orgs/${organisation.login}`
  return {
    login: organisation.login,
    id: organisation.id,
    node_id: nodeId('Organization', organisation.id),
    url: self,
    repos_url: `${self}/repos`,
    events_url: `${self}/events`,
    hooks_url: `${self}/hooks`,
    issues_url: `${self}/issues`,
    members_url: `${self}/members{/member}`,
    public_members_url: `${self}/public_members{/member}`,
    avatar_url: `${url}/-/avatar.svg`,
    description: ''
  }
}
