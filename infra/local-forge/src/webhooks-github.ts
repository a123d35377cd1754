import { createHmac } from 'node:crypto'
import type { Address } from './address.ts'
import { accountAnswer, nodeId, repositoryAnswer } from './answers-github.ts'
import type { Commit } from './commits.ts'
import type { DeliveryContent, SignDelivery } from './deliveries.ts'
import type { RepositoryChange } from './form.ts'
import { eventsOf } from './github-app.ts'
import type { Push } from './push.ts'
import type { HostedRepository } from './repositories.ts'
import type { Account, App, Installation, Webhook } from './state.ts'

/**
 * Webhooks in GitHub's form, as an App receives them.
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads
 */

/** What every payload is made with. */
export interface GitHubSpeaker {
  address: () => Address
  app: App
  appOwner: Account
}

/** GitHub names at most this many commits of a push. */
export const githubCommitLimit = 2048

export const zeroCommit = '0'.repeat(40)

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

export function pushContent({ address }: GitHubSpeaker, push: Push, installation: Installation): DeliveryContent {
  const { repository, sender } = push
  const page = `${address().url}/${repository.fullName}`
  const before = push.before ?? zeroCommit
  const after = push.after ?? zeroCommit
  const body = {
    ref: push.ref,
    before,
    after,
    repository: {
      ...repositoryAnswer(address(), repository),
      owner: { name: repository.owner.login, email: null, ...accountAnswer(address(), repository.owner) },
      url: page,
      created_at: seconds(repository.createdAt),
      pushed_at: seconds(repository.pushedAt ?? repository.createdAt),
      stargazers: 0,
      master_branch: repository.defaultBranch
    },
    pusher: { name: sender.login, email: `${sender.login}@users.noreply.localhost` },
    ...organizationOf(address(), repository.owner),
    sender: accountAnswer(address(), sender),
    ...referenceTo(installation),
    created: push.before === null,
    deleted: push.after === null,
    forced: push.isForced,
    base_ref: null,
    compare: `${page}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: push.commits.map((commit) => commitForm(page, commit)),
    head_commit: push.head === null ? null : commitForm(page, push.head)
  }
  return { event: 'push', action: null, ...about(repository), body }
}

export function repositoryContent(
  { address }: GitHubSpeaker,
  change: RepositoryChange,
  installation: Installation,
  sender: Account
): DeliveryContent {
  const changes = changesOf(address(), change)
  const { action, after } = change
  const body = {
    action,
    ...(changes === null ? {} : { changes }),
    repository: repositoryAnswer(address(), after),
    ...organizationOf(address(), after.owner),
    sender: accountAnswer(address(), sender),
    ...referenceTo(installation)
  }
  return { event: 'repository', action, ...about(after), body }
}

/** What GitHub says of the former state; null where it says nothing. */
function changesOf(address: Address, { action, before }: RepositoryChange): object | null {
  switch (action) {
    case 'renamed':
      return { repository: { name: { from: before.name } } }
    case 'transferred': {
      const type = before.owner.type === 'User' ? 'user' : 'organization'
      return { owner: { from: { [type]: accountAnswer(address, before.owner) } } }
    }
    case 'edited':
      return { default_branch: { from: before.defaultBranch } }
    case 'deleted':
    case 'archived':
    case 'unarchived':
    case 'privatized':
    case 'publicized':
      return null
  }
}

export function pingContent({ address, app }: GitHubSpeaker, webhook: Webhook, at: number): DeliveryContent {
  const time = new Date(at).toISOString()
  const body = {
    zen: 'Anything added dilutes everything else.',
    hook_id: webhook.id,
    hook: {
      type: 'App',
      id: webhook.id,
      name: 'web',
      active: true,
      events: eventsOf(app),
      config: { content_type: 'json', insecure_ssl: '0', secret: '********', url: webhook.url },
      updated_at: time,
      created_at: time,
      app_id: app.id,
      deliveries_url: `${address().apiUrl}/app/hook/deliveries`
    }
  }
  return { event: 'ping', action: null, repositoryId: null, repositoryName: null, body }
}

export const seconds = (at: number) => Math.floor(at / 1000)

export function about(repository: HostedRepository): Pick<DeliveryContent, 'repositoryId' | 'repositoryName'> {
  return { repositoryId: repository.id, repositoryName: repository.fullName }
}

/** The installation by its ids alone, as it stands in every event of a repository. */
export function referenceTo({ id }: Installation) {
  return { installation: { id, node_id: nodeId('IntegrationInstallation', id) } }
}

/** Only where the owner is one. */
export function organizationOf({ url, apiUrl }: Address, owner: Account) {
  if (owner.type !== 'Organization') return {}
  const self = `${apiUrl}/orgs/${owner.login}`
  const organization = {
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
  return { organization }
}

function commitForm(page: string, commit: Commit) {
  const { id, treeId, message, author, committer, added, removed, modified } = commit
  return {
    id,
    tree_id: treeId,
    distinct: true,
    message,
    timestamp: committer.date,
    url: `${page}/commit/${id}`,
    author,
    committer,
    added,
    removed,
    modified
  }
}
