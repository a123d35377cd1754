import type { Address } from './address.ts'
import { eventsOf, permissionsOf } from './github-app.ts'
import type { HostedRepository } from './repositories.ts'
import type { Account, App, CheckRun, Installation, StatusRecord } from './state.ts'

/** JSON as GitHub's REST API documents it: https://docs.github.com/en/rest */

export const iso = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
const isoOrNull = (at: number | null) => (at === null ? null : iso(at))

/** GitHub's second, opaque id. */
export const nodeId = (type: string, id: number | string) => Buffer.from(`${type}${id}`).toString('base64')

const accountUrls = {
  followers_url: '/followers',
  following_url: '/following{/other_user}',
  gists_url: '/gists{/gist_id}',
  starred_url: '/starred{/owner}{/repo}',
  subscriptions_url: '/subscriptions',
  organizations_url: '/orgs',
  repos_url: '/repos',
  events_url: '/events{/privacy}',
  received_events_url: '/received_events'
}

export function accountAnswer({ url, apiUrl }: Address, account: Account) {
  const self = `${apiUrl}/users/${account.login}`
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId(account.type, account.id),
    avatar_url: `${url}/-/avatar.svg`,
    gravatar_id: '',
    url: self,
    html_url: `${url}/${account.login}`,
    ...below(self, accountUrls),
    type: account.type,
    user_view_type: 'public',
    site_admin: false
  }
}

const repositoryUrls = {
  archive_url: '/{archive_format}{/ref}',
  assignees_url: '/assignees{/user}',
  blobs_url: '/git/blobs{/sha}',
  branches_url: '/branches{/branch}',
  collaborators_url: '/collaborators{/collaborator}',
  comments_url: '/comments{/number}',
  commits_url: '/commits{/sha}',
  compare_url: '/compare/{base}...{head}',
  contents_url: '/contents/{+path}',
  contributors_url: '/contributors',
  deployments_url: '/deployments',
  downloads_url: '/downloads',
  events_url: '/events',
  forks_url: '/forks',
  git_commits_url: '/git/commits{/sha}',
  git_refs_url: '/git/refs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  hooks_url: '/hooks',
  issue_comment_url: '/issues/comments{/number}',
  issue_events_url: '/issues/events{/number}',
  issues_url: '/issues{/number}',
  keys_url: '/keys{/key_id}',
  labels_url: '/labels{/name}',
  languages_url: '/languages',
  merges_url: '/merges',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  pulls_url: '/pulls{/number}',
  releases_url: '/releases{/id}',
  stargazers_url: '/stargazers',
  statuses_url: '/statuses/{sha}',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  tags_url: '/tags',
  teams_url: '/teams',
  trees_url: '/git/trees{/sha}'
}

/** The form `repository`: what lists hold, and every webhook. */
export function repositoryAnswer(address: Address, repository: HostedRepository) {
  const self = `${address.apiUrl}/repos/${repository.fullName}`
  const page = `${address.url}/${repository.fullName}`
  const host = new URL(address.url).host
  return {
    id: repository.id,
    node_id: nodeId('Repository', repository.id),
    name: repository.name,
    full_name: repository.fullName,
    private: repository.isPrivate,
    owner: accountAnswer(address, repository.owner),
    html_url: page,
    description: null,
    fork: false,
    url: self,
    ...below(self, repositoryUrls),
    created_at: iso(repository.createdAt),
    updated_at: iso(repository.pushedAt ?? repository.createdAt),
    pushed_at: iso(repository.pushedAt ?? repository.createdAt),
    git_url: `git://${host}/${repository.fullName}.git`,
    ssh_url: `git@${host}:${repository.fullName}.git`,
    clone_url: `${page}.git`,
    svn_url: page,
    homepage: null,
    size: 0,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: false,
    has_projects: false,
    has_downloads: false,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    forks_count: 0,
    mirror_url: null,
    archived: repository.isArchived,
    disabled: false,
    open_issues_count: 0,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    custom_properties: {},
    visibility: repository.isPrivate ? 'private' : 'public',
    forks: 0,
    open_issues: 0,
    watchers: 0,
    default_branch: repository.defaultBranch
  }
}

/** The form `full-repository`: one repository asked for by itself. */
export function fullRepositoryAnswer(address: Address, repository: HostedRepository) {
  return { ...repositoryAnswer(address, repository), network_count: 0, subscribers_count: 0 }
}

export function appAnswer(address: Address, app: App, owner: Account, installationsCount: number) {
  return {
    id: app.id,
    slug: app.slug,
    node_id: nodeId('App', app.id),
    client_id: app.clientId,
    owner: accountAnswer(address, owner),
    name: app.manifest?.name ?? app.slug,
    description: 'The App of a local forge',
    external_url: address.url,
    html_url: `${address.url}/apps/${app.slug}`,
    created_at: iso(app.createdAt),
    updated_at: iso(app.createdAt),
    permissions: permissionsOf(app),
    events: eventsOf(app),
    installations_count: installationsCount
  }
}

export function installationAnswer(address: Address, app: App, installation: Installation, owner: Account) {
  return {
    id: installation.id,
    client_id: app.clientId,
    account: accountAnswer(address, owner),
    repository_selection: installation.repositoryIds === null ? 'all' : 'selected',
    access_tokens_url: `${address.apiUrl}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${address.apiUrl}/installation/repositories`,
    html_url: `${address.url}/settings/installations/${installation.id}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: owner.id,
    target_type: owner.type,
    permissions: permissionsOf(app),
    events: eventsOf(app),
    created_at: iso(installation.createdAt),
    updated_at: iso(installation.updatedAt),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: installation.suspendedAt === null ? null : accountAnswer(address, owner),
    suspended_at: isoOrNull(installation.suspendedAt)
  }
}

export function checkRunAnswer(
  address: Address,
  app: ReturnType<typeof appAnswer>,
  repository: HostedRepository,
  run: CheckRun
) {
  const self = `${address.apiUrl}/repos/${repository.fullName}/check-runs/${run.id}`
  const page = `${address.url}/${repository.fullName}/runs/${run.id}`
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('CheckRun', run.id),
    head_sha: run.commit,
    external_id: run.externalId ?? '',
    url: self,
    html_url: page,
    details_url: run.detailsUrl ?? page,
    status: run.status,
    conclusion: run.conclusion,
    started_at: iso(run.startedAt),
    completed_at: isoOrNull(run.completedAt),
    output: {
      title: run.title,
      summary: run.summary,
      text: run.text,
      annotations_count: run.annotations.length,
      annotations_url: `${self}/annotations`
    },
    check_suite: { id: run.suiteId },
    app,
    pull_requests: []
  }
}

export function statusAnswer(address: Address, repository: HostedRepository, status: StatusRecord, creator: Account) {
  const author = accountAnswer(address, creator)
  return {
    url: `${address.apiUrl}/repos/${repository.fullName}/statuses/${status.commit}`,
    avatar_url: author.avatar_url,
    id: status.id,
    node_id: nodeId('StatusContext', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: iso(status.createdAt),
    updated_at: iso(status.updatedAt),
    creator: author
  }
}

function below<Name extends string>(self: string, paths: Record<Name, string>): Record<Name, string> {
  return Object.fromEntries(Object.entries<string>(paths).map(([name, path]) => [name, self + path])) as Record<
    Name,
    string
  >
}
