import type { Accounts } from './accounts.ts'
import type { Address } from './address.ts'
import type { Commit } from './commits.ts'
import type { HostedRepository } from './repositories.ts'
import type { Account, StatusRecord } from './state.ts'

/** JSON as GitLab's REST API documents it: https://docs.gitlab.com/api/rest/ */

const iso = (at: number) => new Date(at).toISOString()
const isoOrNull = (at: number | null) => (at === null ? null : iso(at))
const lastPart = (path: string) => path.slice(path.lastIndexOf('/') + 1)

export const visibilityLevel = (repository: HostedRepository) => (repository.isPrivate ? 0 : 20)

/** ssh is not served: the address is there because GitLab's forms have one. */
export function cloneUrls({ url }: Address, repository: HostedRepository) {
  const { hostname } = new URL(url)
  return { http: `${url}/${repository.fullName}.git`, ssh: `git@${hostname}:${repository.fullName}.git` }
}

export function userAnswer({ url }: Address, user: Account) {
  return {
    id: user.id,
    username: user.login,
    public_email: null,
    name: user.login,
    state: 'active',
    locked: false,
    avatar_url: null,
    web_url: `${url}/${user.login}`
  }
}

export function namespaceAnswer({ url }: Address, account: Account, accounts: Accounts) {
  const isUser = account.type === 'User'
  const parent = account.parentId === null ? null : accounts.byId(account.parentId)
  return {
    id: account.namespaceId,
    name: lastPart(account.login),
    path: lastPart(account.login),
    kind: isUser ? 'user' : 'group',
    full_path: account.login,
    parent_id: parent?.namespaceId ?? null,
    avatar_url: null,
    web_url: isUser ? `${url}/${account.login}` : `${url}/groups/${account.login}`
  }
}

export function groupAnswer({ url }: Address, group: Account) {
  return {
    id: group.namespaceId,
    web_url: `${url}/groups/${group.login}`,
    name: lastPart(group.login),
    path: lastPart(group.login),
    description: '',
    visibility: 'public',
    share_with_group_lock: false,
    require_two_factor_authentication: false,
    two_factor_grace_period: 48,
    project_creation_level: 'developer',
    auto_devops_enabled: null,
    subgroup_creation_level: 'maintainer',
    emails_disabled: false,
    emails_enabled: true,
    mentions_disabled: null,
    lfs_enabled: false,
    archived: false,
    default_branch: null,
    avatar_url: null,
    request_access_enabled: true,
    full_name: group.login.replaceAll('/', ' / '),
    full_path: group.login,
    created_at: iso(group.createdAt),
    parent_id: group.parentId
  }
}

export function projectAnswer(address: Address, repository: HostedRepository, accounts: Accounts) {
  const urls = cloneUrls(address, repository)
  const self = `${address.apiUrl}/projects/${repository.id}`
  return {
    id: repository.id,
    description: null,
    name: repository.name,
    name_with_namespace: repository.fullName.replaceAll('/', ' / '),
    path: repository.name,
    path_with_namespace: repository.fullName,
    created_at: iso(repository.createdAt),
    default_branch: repository.defaultBranch,
    tag_list: [],
    topics: [],
    ssh_url_to_repo: urls.ssh,
    http_url_to_repo: urls.http,
    web_url: `${address.url}/${repository.fullName}`,
    readme_url: null,
    forks_count: 0,
    avatar_url: null,
    star_count: 0,
    last_activity_at: iso(repository.pushedAt ?? repository.createdAt),
    visibility: repository.isPrivate ? 'private' : 'public',
    namespace: namespaceAnswer(address, repository.owner, accounts),
    _links: {
      self,
      repo_branches: `${self}/repository/branches`,
      labels: `${self}/labels`,
      events: `${self}/events`,
      members: `${self}/members`
    },
    empty_repo: repository.pushedAt === null,
    archived: repository.isArchived,
    creator_id: repository.ownerId,
    import_status: 'none',
    open_issues_count: 0,
    ci_config_path: '',
    shared_with_groups: [],
    permissions: { project_access: null, group_access: null }
  }
}

export function commitAnswer(address: Address, repository: HostedRepository, commit: Commit) {
  return {
    id: commit.id,
    short_id: commit.id.slice(0, 8),
    created_at: commit.committer.date,
    parent_ids: commit.parents,
    title: titleOf(commit),
    message: commit.message,
    author_name: commit.author.name,
    author_email: commit.author.email,
    authored_date: commit.author.date,
    committer_name: commit.committer.name,
    committer_email: commit.committer.email,
    committed_date: commit.committer.date,
    trailers: {},
    extended_trailers: {},
    web_url: `${address.url}/${repository.fullName}/-/commit/${commit.id}`
  }
}

export function statusAnswer(address: Address, status: StatusRecord, author: Account) {
  return {
    id: status.id,
    sha: status.commit,
    ref: status.ref,
    status: status.state,
    name: status.context,
    target_url: status.targetUrl,
    description: status.description,
    created_at: iso(status.createdAt),
    started_at: isoOrNull(status.startedAt),
    finished_at: isoOrNull(status.finishedAt),
    allow_failure: false,
    coverage: null,
    pipeline_id: status.pipelineId,
    author: userAnswer(address, author)
  }
}

export function titleOf(commit: Commit): string {
  return commit.message.split('\n', 1)[0] ?? ''
}
