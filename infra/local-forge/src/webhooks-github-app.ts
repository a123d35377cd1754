import {
  accountAnswer,
  appAnswer,
  checkRunAnswer,
  installationAnswer,
  nodeId,
  repositoryAnswer
} from './answers-github.ts'
import type { Commit } from './commits.ts'
import type { DeliveryContent } from './deliveries.ts'
import type { HostedRepository } from './repositories.ts'
import type { Account, CheckRun, Installation } from './state.ts'
import { about, type GitHubSpeaker, organizationOf, referenceTo, seconds, zeroCommit } from './webhooks-github.ts'

/** What an App hears of itself: where it is installed, and what of its checks is asked for again. */

export interface InstallationEvent {
  installation: Installation
  owner: Account
  repositories: HostedRepository[]
  sender: Account
}

export function installationContent(
  speaker: GitHubSpeaker,
  action: 'created' | 'deleted' | 'suspend' | 'unsuspend',
  { installation, owner, repositories, sender }: InstallationEvent
): DeliveryContent {
  const body = {
    action,
    installation: installationForm(speaker, installation, owner),
    repositories: repositories.map(shortForm),
    ...(action === 'created' ? { requester: null } : {}),
    sender: accountAnswer(speaker.address(), sender)
  }
  return { event: 'installation', action, repositoryId: null, repositoryName: null, body }
}

export function installationRepositoriesContent(
  speaker: GitHubSpeaker,
  action: 'added' | 'removed',
  { installation, owner, repositories, sender }: InstallationEvent
): DeliveryContent {
  const body = {
    action,
    installation: installationForm(speaker, installation, owner),
    repository_selection: installation.repositoryIds === null ? 'all' : 'selected',
    repositories_added: action === 'added' ? repositories.map(shortForm) : [],
    repositories_removed: action === 'removed' ? repositories.map(shortForm) : [],
    requester: null,
    sender: accountAnswer(speaker.address(), sender)
  }
  return { event: 'installation_repositories', action, repositoryId: null, repositoryName: null, body }
}

export interface RerequestEvent {
  repository: HostedRepository
  installation: Installation
  sender: Account
}

export function checkRunRerequestedContent(
  speaker: GitHubSpeaker,
  run: CheckRun,
  event: RerequestEvent
): DeliveryContent {
  const { repository } = event
  const form = checkRunAnswer(speaker.address(), appForm(speaker), repository, run)
  const checkRun = { ...form, check_suite: suiteForm(speaker, repository, run) }
  return rerequested(speaker, 'check_run', { check_run: checkRun }, event)
}

/** @param runs of one suite, at least one. */
export function checkSuiteRerequestedContent(
  speaker: GitHubSpeaker,
  runs: [CheckRun, ...CheckRun[]],
  head: Commit,
  event: RerequestEvent
): DeliveryContent {
  const suite = suiteForm(speaker, event.repository, runs[0])
  const person = ({ name, email }: Commit['author']) => ({ name, email })
  const headCommit = {
    id: head.id,
    tree_id: head.treeId,
    message: head.message,
    timestamp: head.committer.date,
    author: person(head.author),
    committer: person(head.committer)
  }
  const counts = { latest_check_runs_count: runs.length, check_runs_url: `${suite.url}/check-runs` }
  return rerequested(speaker, 'check_suite', { check_suite: { ...suite, ...counts, head_commit: headCommit } }, event)
}

function rerequested(
  { address }: GitHubSpeaker,
  event: string,
  subject: object,
  { repository, installation, sender }: RerequestEvent
): DeliveryContent {
  const body = {
    action: 'rerequested',
    ...subject,
    repository: repositoryAnswer(address(), repository),
    ...organizationOf(address(), repository.owner),
    sender: accountAnswer(address(), sender),
    ...referenceTo(installation)
  }
  return { event, action: 'rerequested', ...about(repository), body }
}

function appForm({ address, app, appOwner }: GitHubSpeaker) {
  return appAnswer(address(), app, appOwner, 1)
}

function suiteForm(speaker: GitHubSpeaker, repository: HostedRepository, run: CheckRun) {
  return {
    id: run.suiteId,
    node_id: nodeId('CheckSuite', run.suiteId),
    head_branch: repository.defaultBranch,
    head_sha: run.commit,
    status: run.status,
    conclusion: run.conclusion,
    url: `${speaker.address().apiUrl}/repos/${repository.fullName}/check-suites/${run.suiteId}`,
    before: zeroCommit,
    after: run.commit,
    pull_requests: [],
    app: appForm(speaker),
    created_at: new Date(run.startedAt).toISOString(),
    updated_at: new Date(run.updatedAt).toISOString()
  }
}

/** As in REST, but for the times, which are in seconds here. */
function installationForm({ address, app }: GitHubSpeaker, installation: Installation, owner: Account) {
  return {
    ...installationAnswer(address(), app, installation, owner),
    created_at: seconds(installation.createdAt),
    updated_at: seconds(installation.updatedAt)
  }
}

function shortForm({ id, name, fullName, isPrivate }: HostedRepository) {
  return { id, node_id: nodeId('Repository', id), name, full_name: fullName, private: isPrivate }
}
