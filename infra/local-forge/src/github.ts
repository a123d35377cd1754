import { Failure } from '@slipway/domain'
import type { Core, LocalForgeOptions } from './core.ts'
import type { DeliveryContent, LocalDelivery } from './deliveries.ts'
import type { ForgeForm } from './form.ts'
import { createInstallations, ensureApp, type Installations, newAppKey } from './github-app.ts'
import { type LocalForgeHost, startHost } from './host.ts'
import { addManifestPages } from './manifest-pages-github.ts'
import { createManifests } from './manifests-github.ts'
import { ensureOAuthClient } from './oauth.ts'
import type { HostedRepository, NewRepository } from './repositories.ts'
import type { LocalRepository } from './repository-operations.ts'
import { gitHubRest } from './rest-github.ts'
import { gitHubSignIn } from './sign-in-github.ts'
import type { Account, CheckRun, Installation } from './state.ts'
import {
  createGitHubSignature,
  type GitHubSpeaker,
  githubCommitLimit,
  pingContent,
  pushContent,
  repositoryContent
} from './webhooks-github.ts'
import {
  checkRunRerequestedContent,
  checkSuiteRerequestedContent,
  installationContent,
  installationRepositoriesContent
} from './webhooks-github-app.ts'

/** A local forge in GitHub's form, with one App. */
export interface GitHubLocalForge extends LocalForgeHost {
  readonly kind: 'github'
  readonly app: { id: number; clientId: string; slug: string; privateKey: string }
  /** One more private key of the App, as its page makes them; the former ones stay. @returns PEM */
  addAppKey(): Promise<string>
  /** The oldest key opens nothing any more. */
  removeFirstAppKey(): void
  /**
   * Unless `isInstalled` is false the App sees the repository at once, without a word: where the owner has no installation yet,
   * one for all of its repositories is made.
   */
  createRepository(repository: NewRepository & { isInstalled?: boolean }): Promise<LocalRepository>
  /** null when the App is not installed there. */
  installationOf(owner: string): { id: number; isSuspended: boolean } | null
  /** Tells `installation.created`. @param repositoryIds left out: all of the owner's repositories. */
  installApp(owner: string, repositoryIds?: number[]): { id: number }
  /** Tells `installation.deleted`. Its tokens end at once. */
  uninstallApp(owner: string): void
  /** Tells `installation.suspend` or `unsuspend`. */
  suspendApp(owner: string, isSuspended: boolean): void
  /** Tells `installation_repositories` for what was added and what was removed. */
  selectRepositories(owner: string, repositoryIds: number[]): void
  /** To every webhook. */
  ping(): LocalDelivery[]
  /** What pressing "Re-run" does. */
  rerequestCheckRun(checkRunId: number): void
  rerequestCheckSuite(repositoryId: number, commit: string): Promise<void>
}

export async function startGitHub(core: Core, options: LocalForgeOptions): Promise<GitHubLocalForge> {
  const { state, accounts, people, address, now } = core
  const app = await ensureApp(state, accounts, now)
  const installations = createInstallations(state, now)
  const oauthClient = await ensureOAuthClient(state, app.clientId)
  const speaker: GitHubSpeaker = {
    address,
    app,
    get appOwner() {
      return accounts.byId(app.accountId)
    }
  }
  const manifests = createManifests({ ...core, app, oauthClient })
  const send = (content: DeliveryContent) => deliveries.send(content)
  const operations = installationOperations(core, installations, speaker, send)
  const form: ForgeForm = {
    apiPath: '/api/v3',
    commitLimit: githubCommitLimit,
    rest: (scope, deliveries) => gitHubRest(scope, { ...core, app, installations, manifests, deliveries }),
    pages: (server) => addManifestPages(server, { core, app, installations, manifests, operations }),
    sign: createGitHubSignature(app),
    describePush(push) {
      const installation = listening(installations, push.repository)
      return installation === null ? null : pushContent(speaker, push, installation)
    },
    describeChange(change) {
      const installation = listening(installations, change.after) ?? listening(installations, change.before)
      return installation === null ? null : repositoryContent(speaker, change, installation, core.developer)
    },
    covers: (token, repository) => installations.cover(token, repository) && people.covers(token, repository),
    ...gitHubSignIn(core, oauthClient)
  }
  const { host, deliveries } = await startHost(core, form, options)
  return {
    ...host,
    kind: 'github',
    get app() {
      const { id, clientId, slug, privateKey } = app
      return { id, clientId, slug, privateKey }
    },
    // A manifest brings other ones.
    get oauthClient() {
      return { clientId: oauthClient.clientId, clientSecret: oauthClient.clientSecret }
    },
    async addAppKey() {
      const key = await newAppKey()
      app.moreKeys = [...(app.moreKeys ?? []), key]
      state.changed()
      return key
    },
    removeFirstAppKey() {
      const [next, ...rest] = app.moreKeys ?? []
      if (next === undefined) throw new Failure('conflict', 'an App keeps its last key')
      Object.assign(app, { privateKey: next, moreKeys: rest })
      state.changed()
    },
    async createRepository({ isInstalled = true, ...repository }) {
      const created = await host.createRepository(repository)
      const installation = installations.ofOwner(created.owner.id)
      if (isInstalled && installation === null) installations.add(created.owner.id, null)
      if (isInstalled && installation?.repositoryIds != null) {
        installations.change(installation, { repositoryIds: [...installation.repositoryIds, created.id] })
      }
      return created
    },
    ping: () =>
      state.data.webhooks.flatMap((webhook) => deliveries.send(pingContent(speaker, webhook, now()), webhook)),
    ...operations,
    ...rerequestOperations(core, installations, speaker, send)
  }
}

/** The installation that is told of a repository; null when the App is not there or is suspended. */
function listening(installations: Installations, repository: HostedRepository): Installation | null {
  const installation = installations.ofRepository(repository)
  return installation === null || installation.suspendedAt !== null ? null : installation
}

type Send = (content: DeliveryContent) => void

export type InstallationOperations = ReturnType<typeof installationOperations>

function installationOperations(
  { accounts, repositories, developer: sender, now }: Core,
  installations: Installations,
  speaker: GitHubSpeaker,
  send: Send
): Pick<GitHubLocalForge, 'installationOf' | 'installApp' | 'uninstallApp' | 'suspendApp' | 'selectRepositories'> {
  function find(login: string): { owner: Account; installation: Installation } {
    const owner = accounts.byLogin(login)
    const installation = owner === null ? null : installations.ofOwner(owner.id)
    if (owner === null || installation === null) throw new Failure('not-found', `the App is not installed on ${login}`)
    return { owner, installation }
  }
  const seenBy = (installation: Installation) =>
    repositories.all().filter((repository) => installations.ofRepository(repository)?.id === installation.id)

  return {
    installationOf(login) {
      const owner = accounts.byLogin(login)
      const installation = owner === null ? null : installations.ofOwner(owner.id)
      return installation === null ? null : { id: installation.id, isSuspended: installation.suspendedAt !== null }
    },
    installApp(login, repositoryIds) {
      const owner = accounts.ensure(login, 'Organization')
      if (installations.ofOwner(owner.id) !== null) {
        throw new Failure('conflict', `the App is already installed on ${login}`)
      }
      const installation = installations.add(owner.id, repositoryIds ?? null)
      send(installationContent(speaker, 'created', { installation, owner, repositories: seenBy(installation), sender }))
      return { id: installation.id }
    },
    uninstallApp(login) {
      const { owner, installation } = find(login)
      const seen = seenBy(installation)
      installations.remove(installation)
      send(installationContent(speaker, 'deleted', { installation, owner, repositories: seen, sender }))
    },
    suspendApp(login, isSuspended) {
      const { owner, installation } = find(login)
      installations.change(installation, { suspendedAt: isSuspended ? now() : null })
      const action = isSuspended ? 'suspend' : 'unsuspend'
      send(installationContent(speaker, action, { installation, owner, repositories: seenBy(installation), sender }))
    },
    selectRepositories(login, repositoryIds) {
      const { owner, installation } = find(login)
      const before = seenBy(installation)
      installations.change(installation, { repositoryIds })
      const after = seenBy(installation)
      const added = after.filter(({ id }) => !before.some((repository) => repository.id === id))
      const removed = before.filter(({ id }) => !after.some((repository) => repository.id === id))
      if (added.length > 0)
        send(installationRepositoriesContent(speaker, 'added', { installation, owner, repositories: added, sender }))
      if (removed.length > 0)
        send(
          installationRepositoriesContent(speaker, 'removed', { installation, owner, repositories: removed, sender })
        )
    }
  }
}

function rerequestOperations(
  { state, repositories, commits, developer: sender }: Core,
  installations: Installations,
  speaker: GitHubSpeaker,
  send: Send
): Pick<GitHubLocalForge, 'rerequestCheckRun' | 'rerequestCheckSuite'> {
  function find(repositoryId: number): { repository: HostedRepository; installation: Installation } {
    const repository = repositories.byId(repositoryId)
    const installation = repository === null ? null : listening(installations, repository)
    if (repository === null || installation === null) {
      throw new Failure('not-found', `the App does not see repository ${repositoryId}`)
    }
    return { repository, installation }
  }
  const runsOn = (repositoryId: number, commit: string): CheckRun[] =>
    state.data.checkRuns.filter((run) => run.repositoryId === repositoryId && run.commit === commit)

  return {
    rerequestCheckRun(checkRunId) {
      const run = state.data.checkRuns.find((candidate) => candidate.id === checkRunId)
      if (run === undefined) throw new Failure('not-found', `there is no check run ${checkRunId}`)
      send(checkRunRerequestedContent(speaker, run, { ...find(run.repositoryId), sender }))
    },
    async rerequestCheckSuite(repositoryId, commit) {
      const event = { ...find(repositoryId), sender }
      const head = await commits.find(event.repository, commit)
      const [first, ...rest] = runsOn(repositoryId, commit)
      if (head === null || first === undefined) throw new Failure('not-found', `no check runs stand on ${commit}`)
      send(checkSuiteRerequestedContent(speaker, [first, ...rest], head, event))
    }
  }
}
