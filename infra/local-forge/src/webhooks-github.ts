import { createHmac } from 'node:crypto'
import type { Address } from './address.ts'
import {
  accountAnswer,
  appAnswer,
  checkRunAnswer,
  installationAnswer,
  nodeId,
  repositoryAnswer
} from './answers-github.ts'
import type { Commit } from './commits.ts'
import type { DeliveryContent, SignDelivery } from './deliveries.ts'
import { appEvents } from './github-app.ts'
import type { Push } from './push.ts'
import type { HostedRepository } from './repositories.ts'
import type { Account, App, CheckRun, Installation, Webhook } from './state.ts'

/**
 * Webhooks in GitHub's form, as an App receives them.
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads
 */

/** GitHub names at most this many commits of a push. */
export const githubCommitLimit = 2048

const zeroCommit = '0'.repeat(40)

export function createGitHubSignature(app: App): SignDelivery {
  return (webhook, { deliveryId, event, body }) => ({
    accept: '*/*',
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/local',
    'x-github-delivery': deliveryId,
    'x-github-event': event,
    'x-github-hook-id': String(webhook.id),
    'x-github-hook-installation-target-id': String(app.id),
    'x-github-hook-installation-target-type': 'integration',
    ...(webhook.secret === null
      ? {}
      : {
          'x-hub-signature': `sha1=${createHmac('sha1', webhook.secret).update(body).digest('hex')}`,
          'x-hub-signature-256': `sha256=${createHmac('sha256', webhook.secret).update(body).digest('hex')}`
        })
  })
}

export interface GitHubWebhooksDeps {
  address: () => Address
  app: App
  /** Owner of the App. */
  appOwner: Account
}

export type GitHubWebhooks = ReturnType<typeof createGitHubWebhooks>

export function createGitHubWebhooks({ address, app, appOwner }: GitHubWebhooksDeps) {
  const account = (of: Account) => accountAnswer(address(), of)
  const organization = (owner: Account) =>
    owner.type === 'Organization' ? { organization: organizationOf(address(), owner) } : {}
  const reference = (installation: Installation) => ({
    installation: { id: installation.id, node_id: nodeId('IntegrationInstallation', installation.id) }
  })
  const about = (repository: HostedRepository) => ({ repositoryId: repository.id, repositoryName: repository.fullName })
  const short = (repository: HostedRepository) => ({
    id: repository.id,
    node_id: nodeId('Repository', repository.id),
    name: repository.name,
    full_name: repository.fullName,
    private: repository.isPrivate
  })

  /** As in REST, but for the times, which stand in seconds here. */
  const installationForm = (installation: Installation, owner: Account) => ({
    ...installationAnswer(address(), app, installation, owner),
    created_at: Math.floor(installation.createdAt / 1000),
    updated_at: Math.floor(installation.updatedAt / 1000)
  })

  function push(pushed: Push, installation: Installation): DeliveryContent {
    const { repository, sender } = pushed
    const page = `${address().url}/${repository.fullName}`
    const before = pushed.before ?? zeroCommit
    const after = pushed.after ?? zeroCommit
    const email = `${sender.login}@users.noreply.localhost`
    const body = {
      ref: pushed.ref,
      before,
      after,
      repository: {
        ...repositoryAnswer(address(), repository),
        owner: { name: repository.owner.login, email: null, ...account(repository.owner) },
        url: page,
        created_at: Math.floor(repository.createdAt / 1000),
        pushed_at: Math.floor((repository.pushedAt ?? repository.createdAt) / 1000),
        stargazers: 0,
        master_branch: repository.defaultBranch
      },
      pusher: { name: sender.login, email },
      ...organization(repository.owner),
      sender: account(sender),
      ...reference(installation),
      created: pushed.before === null,
      deleted: pushed.after === null,
      forced: pushed.isForced,
      base_ref: null,
      compare: `${page}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
      commits: pushed.commits.map((commit) => commitForm(page, commit)),
      head_commit: pushed.head === null ? null : commitForm(page, pushed.head)
    }
    return { event: 'push', action: null, ...about(repository), body }
  }

  function installationChanged(
    action: 'created' | 'deleted' | 'suspend' | 'unsuspend',
    installation: Installation,
    owner: Account,
    repositories: HostedRepository[],
    sender: Account
  ): DeliveryContent {
    const body = {
      action,
      installation: installationForm(installation, owner),
      repositories: repositories.map(short),
      ...(action === 'created' ? { requester: null } : {}),
      sender: account(sender)
    }
    return { event: 'installation', action, repositoryId: null, repositoryName: null, body }
  }

  function installationRepositories(
    action: 'added' | 'removed',
    installation: Installation,
    owner: Account,
    repositories: HostedRepository[],
    sender: Account
  ): DeliveryContent {
    const body = {
      action,
      installation: installationForm(installation, owner),
      repository_selection: installation.repositoryIds === null ? 'all' : 'selected',
      repositories_added: action === 'added' ? repositories.map(short) : [],
      repositories_removed: action === 'removed' ? repositories.map(short) : [],
      requester: null,
      sender: account(sender)
    }
    return { event: 'installation_repositories', action, repositoryId: null, repositoryName: null, body }
  }

  /** @param changes what GitHub says of the former state; left out where it says nothing. */
  function repositoryChanged(
    action: string,
    repository: HostedRepository,
    installation: Installation,
    sender: Account,
    changes: object | null
  ): DeliveryContent {
    const body = {
      action,
      ...(changes === null ? {} : { changes }),
      repository: repositoryAnswer(address(), repository),
      ...organization(repository.owner),
      sender: account(sender),
      ...reference(installation)
    }
    return { event: 'repository', action, ...about(repository), body }
  }

  function checkSuite(repository: HostedRepository, run: CheckRun, branch: string | null) {
    const self = `${address().apiUrl}/repos/${repository.fullName}/check-suites/${run.suiteId}`
    return {
      id: run.suiteId,
      node_id: nodeId('CheckSuite', run.suiteId),
      head_branch: branch,
      head_sha: run.commit,
      status: run.status,
      conclusion: run.conclusion,
      url: self,
      before: zeroCommit,
      after: run.commit,
      pull_requests: [],
      app: appAnswer(address(), app, appOwner, 1),
      created_at: new Date(run.startedAt).toISOString(),
      updated_at: new Date(run.updatedAt).toISOString()
    }
  }

  function checkRunRerequested(
    repository: HostedRepository,
    installation: Installation,
    run: CheckRun,
    branch: string | null,
    sender: Account
  ): DeliveryContent {
    const form = checkRunAnswer(address(), appAnswer(address(), app, appOwner, 1), repository, run)
    const body = {
      action: 'rerequested',
      check_run: { ...form, check_suite: checkSuite(repository, run, branch) },
      repository: repositoryAnswer(address(), repository),
      ...organization(repository.owner),
      sender: account(sender),
      ...reference(installation)
    }
    return { event: 'check_run', action: 'rerequested', ...about(repository), body }
  }

  function checkSuiteRerequested(
    repository: HostedRepository,
    installation: Installation,
    runs: CheckRun[],
    head: Commit,
    branch: string | null,
    sender: Account
  ): DeliveryContent | null {
    const [run] = runs
    if (run === undefined) return null
    const suite = checkSuite(repository, run, branch)
    const body = {
      action: 'rerequested',
      check_suite: {
        ...suite,
        latest_check_runs_count: runs.length,
        check_runs_url: `${suite.url}/check-runs`,
        head_commit: {
          id: head.id,
          tree_id: head.treeId,
          message: head.message,
          timestamp: head.committer.date,
          author: { name: head.author.name, email: head.author.email },
          committer: { name: head.committer.name, email: head.committer.email }
        }
      },
      repository: repositoryAnswer(address(), repository),
      ...organization(repository.owner),
      sender: account(sender),
      ...reference(installation)
    }
    return { event: 'check_suite', action: 'rerequested', ...about(repository), body }
  }

  function ping(webhook: Webhook, at: number): DeliveryContent {
    const time = new Date(at).toISOString()
    const body = {
      zen: 'Anything added dilutes everything else.',
      hook_id: webhook.id,
      hook: {
        type: 'App',
        id: webhook.id,
        name: 'web',
        active: true,
        events: appEvents,
        config: { content_type: 'json', insecure_ssl: '0', secret: '********', url: webhook.url },
        updated_at: time,
        created_at: time,
        app_id: app.id,
        deliveries_url: `${address().apiUrl}/app/hook/deliveries`
      }
    }
    return { event: 'ping', action: null, repositoryId: null, repositoryName: null, body }
  }

  return {
    accountForm: account,
    push,
    installationChanged,
    installationRepositories,
    repositoryChanged,
    checkRunRerequested,
    checkSuiteRerequested,
    ping
  }
}

function organizationOf({ url, apiUrl }: Address, owner: Account) {
  const self = `${apiUrl}/orgs/${owner.login}`
  return {
    login: owner.login,
    id: owner.id,
    node_id: nodeId('Organization', owner.id),
    url: self,
    repos_url: `${self}/repos`,
    events_url: `${self}/events`,
    hooks_url: `${self}/hooks`,
    issues_url: `${self}/issues`,
    members_url: `${self}/members{/member}`,
    public_members_url: `${self}/public_members{/member}`,
    avatar_url: `${url}/-/avatar.svg`,
    description: null
  }
}

function commitForm(page: string, commit: Commit) {
  const { added, removed, modified } = commit
  return {
    id: commit.id,
    tree_id: commit.treeId,
    distinct: true,
    message: commit.message,
    timestamp: commit.committer.date,
    url: `${page}/commit/${commit.id}`,
    author: { name: commit.author.name, email: commit.author.email, date: commit.author.date },
    committer: { name: commit.committer.name, email: commit.committer.email, date: commit.committer.date },
    added,
    removed,
    modified
  }
}
