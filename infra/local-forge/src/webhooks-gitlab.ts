import { createHmac, randomUUID } from 'node:crypto'
import type { Address } from './address.ts'
import { cloneUrls, titleOf, visibilityLevel } from './answers-gitlab.ts'
import type { Commit } from './commits.ts'
import type { DeliveryContent, SignDelivery } from './deliveries.ts'
import type { Push } from './push.ts'
import type { HostedRepository } from './repositories.ts'

/**
 * Webhooks in GitLab's form, as a project's hook receives them.
 * https://docs.gitlab.com/user/project/integrations/webhook_events/
 */

/** GitLab names at most this many commits of a push. */
export const gitlabCommitLimit = 20

const zeroCommit = '0'.repeat(40)

/** `webhook-id` and `webhook-timestamp` are on every delivery; the signature (Standard Webhooks) only where a signing token is set. */
export function createGitLabSignature(address: () => Address): SignDelivery {
  return (webhook, { deliveryId, event, body, at }) => {
    const timestamp = String(Math.floor(at / 1000))
    return {
      'content-type': 'application/json',
      'user-agent': 'GitLab/18.4.0',
      'x-gitlab-event': event,
      'x-gitlab-webhook-uuid': webhook.uuid,
      'x-gitlab-instance': address().url,
      'x-gitlab-event-uuid': randomUUID(),
      'idempotency-key': deliveryId,
      'webhook-id': deliveryId,
      'webhook-timestamp': timestamp,
      ...(webhook.token === null ? {} : { 'x-gitlab-token': webhook.token }),
      ...(webhook.signingToken === null
        ? {}
        : { 'webhook-signature': standardSignature(webhook.signingToken, `${deliveryId}.${timestamp}.${body}`) })
    }
  }
}

function standardSignature(signingToken: string, content: string): string {
  const key = Buffer.from(signingToken.replace(/^whsec_/, ''), 'base64')
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`
}

export function describeGitLabPush(address: Address, push: Push): DeliveryContent {
  const { repository, sender, ref } = push
  const isTag = ref.startsWith('refs/tags/')
  const page = `${address.url}/${repository.fullName}`
  const urls = cloneUrls(address, repository)
  const body = {
    object_kind: isTag ? 'tag_push' : 'push',
    event_name: isTag ? 'tag_push' : 'push',
    before: push.before ?? zeroCommit,
    after: push.after ?? zeroCommit,
    ref,
    ref_protected: ref === `refs/heads/${repository.defaultBranch}`,
    checkout_sha: push.head?.id ?? null,
    message: push.tagMessage,
    user_id: sender.id,
    user_name: sender.login,
    user_username: sender.login,
    user_email: '',
    user_avatar: null,
    project_id: repository.id,
    project: projectForm(address, repository),
    commits: push.commits.map((commit) => commitForm(page, commit)),
    total_commits_count: push.commitCount,
    push_options: {},
    repository: {
      name: repository.name,
      url: urls.ssh,
      description: null,
      homepage: page,
      git_http_url: urls.http,
      git_ssh_url: urls.ssh,
      visibility_level: visibilityLevel(repository)
    }
  }
  return {
    event: isTag ? 'Tag Push Hook' : 'Push Hook',
    trigger: isTag ? 'tag_push_events' : 'push_events',
    action: null,
    repositoryId: repository.id,
    repositoryName: repository.fullName,
    body
  }
}

function projectForm(address: Address, repository: HostedRepository) {
  const page = `${address.url}/${repository.fullName}`
  const urls = cloneUrls(address, repository)
  return {
    id: repository.id,
    name: repository.name,
    description: null,
    web_url: page,
    avatar_url: null,
    git_ssh_url: urls.ssh,
    git_http_url: urls.http,
    namespace: repository.owner.login.slice(repository.owner.login.lastIndexOf('/') + 1),
    visibility_level: visibilityLevel(repository),
    path_with_namespace: repository.fullName,
    default_branch: repository.defaultBranch,
    ci_config_path: null,
    homepage: page,
    url: urls.ssh,
    ssh_url: urls.ssh,
    http_url: urls.http
  }
}

function commitForm(page: string, commit: Commit) {
  const { added, removed, modified } = commit
  return {
    id: commit.id,
    message: commit.message,
    title: titleOf(commit),
    timestamp: commit.committer.date,
    url: `${page}/-/commit/${commit.id}`,
    author: { name: commit.author.name, email: commit.author.email },
    added,
    modified,
    removed
  }
}
