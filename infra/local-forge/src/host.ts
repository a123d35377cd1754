import { randomUUID } from 'node:crypto'
import { Failure } from '@slipway/domain'
import type { Core, LocalForgeOptions, WebhookOptions } from './core.ts'
import { createDeliveries, type Deliveries, type LocalDelivery } from './deliveries.ts'
import type { ForgeForm, RepositoryChange } from './form.ts'
import { createGitHttp, type GitRequest, type RefChange } from './git-http.ts'
import { createPages } from './page.ts'
import { describePush } from './push.ts'
import { type CommitReport, newestPerContext, reportOfCheckRun, reportOfStatus } from './reports.ts'
import type { HostedRepository, NewRepository } from './repositories.ts'
import { createForgeServer, type Outage, type Trouble } from './server.ts'
import type { Account, Webhook } from './state.ts'

/** A repository as its users see it. */
export interface LocalRepository {
  id: number
  owner: { id: number; login: string }
  name: string
  fullName: string
  isPrivate: boolean
  defaultBranch: string
  /** The page that shows it. */
  pageUrl: string
  /** With the developer's credential: may read and push. */
  cloneUrl: string
  /** Without a credential. */
  anonymousUrl: string
  /** The bare repository. */
  directory: string
}

export interface Developer {
  id: number
  login: string
  /** May read and push everywhere, and create repositories over REST. */
  token: string
}

/** What a local forge of either kind can do. Ids are the forge's numeric ids. */
export interface LocalForgeHost {
  readonly url: string
  readonly apiUrl: string
  readonly developer: Developer
  /** Another account that may push everywhere. */
  createDeveloper(login: string): Developer
  createRepository(repository: NewRepository): Promise<LocalRepository>
  /** By id or full name. */
  repository(idOrName: number | string): LocalRepository
  repositories(): LocalRepository[]
  /** The clone URL with the credential of somebody else. */
  cloneUrlFor(id: number, credential: { username: string; password: string }): string
  renameRepository(id: number, name: string): Promise<LocalRepository>
  transferRepository(id: number, owner: string): Promise<LocalRepository>
  changeRepository(
    id: number,
    change: { isPrivate?: boolean; isArchived?: boolean; defaultBranch?: string }
  ): Promise<LocalRepository>
  removeRepository(id: number): Promise<void>
  /** In place of all that were there. */
  setWebhook(webhook: WebhookOptions): Webhook
  addWebhook(webhook: WebhookOptions): Webhook
  /** What stands on a commit: the newest of each context. */
  statuses(id: number, commit: string): CommitReport[]
  /** Oldest first, the last 500. */
  deliveries(): LocalDelivery[]
  /** The same bytes under the same delivery id, signed anew. */
  redeliver(id: number): Promise<LocalDelivery>
  /** Resolves when every push so far was told, and every delivery was answered or given up. */
  settled(): Promise<void>
  /** While stale, readers (git and REST) see the refs as they are now; pushes go on. */
  setStaleReads(id: number, isStale: boolean): Promise<void>
  setOutage(outage: Outage): void
  /** Holds back every answer of REST and git. */
  setLatency(latencyMs: number): void
  close(): Promise<void>
}

const developerPermissions = {
  contents: 'write',
  administration: 'write',
  statuses: 'write',
  checks: 'read',
  metadata: 'read',
  api: 'write'
} as const

export interface Host {
  host: LocalForgeHost
  deliveries: Deliveries
}

/** Starts everything that both kinds have in common, in the given form. */
export async function startHost(core: Core, form: ForgeForm, options: LocalForgeOptions): Promise<Host> {
  const { state, repositories, accounts, commits, now } = core
  const { logger } = options
  const trouble: Trouble = { outage: 'none', latencyMs: 0 }
  const deliveries = createDeliveries({ state, sign: form.sign, now, logger })
  const telling = createQueues()

  async function tell({ repository, login }: GitRequest, changes: RefChange[]): Promise<void> {
    const sender = (login === null ? null : accounts.byLogin(login)) ?? core.developer
    const pushed = repositories.byId(repository.id)
    if (pushed === null) return
    for (const change of changes) {
      const content = form.describePush(await describePush(commits, pushed, sender, change, form.commitLimit))
      if (content !== null) deliveries.send(content)
    }
  }

  function onPush(git: GitRequest, changes: RefChange[]): void {
    telling.add(git.repository.id, async () => {
      try {
        await repositories.change(git.repository.id, { pushedAt: now() })
        await tell(git, changes)
      } catch (err) {
        // The push is done and its client gone: nobody else is there to be told.
        logger.error({ err, repository: git.repository.fullName }, 'could not tell of a push')
      }
    })
  }

  const reportsOn = (repository: { id: number }, commit: string): CommitReport[] => {
    const isOn = (record: { repositoryId: number; commit: string }) =>
      record.repositoryId === repository.id && record.commit === commit
    const { checkRuns, statuses } = state.data
    return newestPerContext([
      ...checkRuns.filter(isOn).map(reportOfCheckRun),
      ...statuses.filter(isOn).map(reportOfStatus)
    ])
  }

  const gitHttp = createGitHttp({ root: options.root, git: core.git, logger, onPush })
  const servePage = createPages({ core, deliveries, reportsOn })
  const app = createForgeServer({ core, form, gitHttp, servePage, trouble, logger })
  const url = await app.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0 })
  const address = { url, apiUrl: url + form.apiPath }
  core.setAddress(address)
  if (options.webhook !== undefined) replaceWebhooks(core, options.webhook)
  const developer = developerOf(core, core.developer)

  async function settled(): Promise<void> {
    await gitHttp.settled()
    await telling.settled()
    await deliveries.settled()
  }

  const host: LocalForgeHost = {
    ...address,
    developer,
    createDeveloper: (login) => developerOf(core, accounts.ensure(login, 'User')),
    ...repositoryOperations(core, form, deliveries, developer),
    setWebhook: (webhook) => replaceWebhooks(core, webhook),
    addWebhook: (webhook) => addWebhook(core, webhook),
    statuses: (id, commit) => reportsOn({ id }, commit),
    deliveries: deliveries.all,
    redeliver: deliveries.redeliver,
    settled,
    setStaleReads: repositories.setFrozen,
    setOutage(outage) {
      trouble.outage = outage
    },
    setLatency(latencyMs) {
      trouble.latencyMs = latencyMs
    },
    async close() {
      await app.close()
      await gitHttp.close()
      await telling.settled()
      await deliveries.close()
      await state.close()
    }
  }
  return { host, deliveries }
}

/** One thing after the other per repository, so that pushes are told in the order in which they came. */
function createQueues() {
  const last = new Map<number, Promise<void>>()
  return {
    add(id: number, work: () => Promise<void>) {
      const done = (last.get(id) ?? Promise.resolve()).then(work).finally(() => {
        if (last.get(id) === done) last.delete(id)
      })
      last.set(id, done)
    },
    async settled() {
      while (last.size > 0) await Promise.all(last.values())
    }
  }
}

function developerOf({ state, tokens }: Core, account: Account): Developer {
  const known = state.data.tokens.find((token) => token.accountId === account.id && token.name === 'developer')
  const token =
    known ??
    tokens.issue({
      prefix: state.data.kind === 'github' ? 'ghp_' : 'glpat-',
      name: 'developer',
      accountId: account.id,
      installationId: null,
      repositoryIds: null,
      permissions: developerPermissions,
      expiresAt: null
    })
  return { id: account.id, login: account.login, token: token.token }
}

function addWebhook({ state }: Core, options: WebhookOptions): Webhook {
  const { url, secret = null, signingToken = null, token = null, repositoryId = null } = options
  const webhook: Webhook = { id: state.nextId(), uuid: randomUUID(), url, secret, token, signingToken, repositoryId }
  state.data.webhooks.push(webhook)
  state.changed()
  return webhook
}

function replaceWebhooks(core: Core, options: WebhookOptions): Webhook {
  core.state.data.webhooks = []
  return addWebhook(core, options)
}

type RepositoryOperations = Pick<
  LocalForgeHost,
  | 'createRepository'
  | 'repository'
  | 'repositories'
  | 'cloneUrlFor'
  | 'renameRepository'
  | 'transferRepository'
  | 'changeRepository'
  | 'removeRepository'
>

function repositoryOperations(
  core: Core,
  form: ForgeForm,
  deliveries: Deliveries,
  developer: Developer
): RepositoryOperations {
  const { repositories, accounts, address } = core

  function find(idOrName: number | string): HostedRepository {
    const found = typeof idOrName === 'number' ? repositories.byId(idOrName) : repositories.byName(idOrName)
    if (found === null) throw new Failure('not-found', `there is no repository ${idOrName}`)
    return found
  }

  function cloneUrlFor(id: number, { username, password }: { username: string; password: string }): string {
    const url = new URL(`${address().url}/${find(id).fullName}.git`)
    url.username = username
    url.password = password
    return url.href
  }

  const describe = (repository: HostedRepository): LocalRepository => ({
    id: repository.id,
    owner: { id: repository.owner.id, login: repository.owner.login },
    name: repository.name,
    fullName: repository.fullName,
    isPrivate: repository.isPrivate,
    defaultBranch: repository.defaultBranch,
    pageUrl: `${address().url}/${repository.fullName}`,
    cloneUrl: cloneUrlFor(repository.id, { username: developer.login, password: developer.token }),
    anonymousUrl: `${address().url}/${repository.fullName}.git`,
    directory: repository.directory
  })

  function tell(change: RepositoryChange): void {
    const content = form.describeChange(change)
    if (content !== null) deliveries.send(content)
  }

  return {
    createRepository: async (repository) => describe(await repositories.create(repository)),
    repository: (idOrName) => describe(find(idOrName)),
    repositories: () => repositories.all().map(describe),
    cloneUrlFor,
    async renameRepository(id, name) {
      const before = find(id)
      const after = await repositories.change(id, { name })
      tell({ action: 'renamed', before, after })
      return describe(after)
    },
    async transferRepository(id, owner) {
      const before = find(id)
      const ownerId = accounts.ensure(owner, core.state.data.kind === 'gitlab' ? 'Group' : 'Organization').id
      const after = await repositories.change(id, { ownerId })
      tell({ action: 'transferred', before, after })
      return describe(after)
    },
    async changeRepository(id, change) {
      const before = find(id)
      const after = await repositories.change(id, change)
      if (before.isPrivate !== after.isPrivate)
        tell({ action: after.isPrivate ? 'privatized' : 'publicized', before, after })
      if (before.isArchived !== after.isArchived)
        tell({ action: after.isArchived ? 'archived' : 'unarchived', before, after })
      if (before.defaultBranch !== after.defaultBranch) tell({ action: 'edited', before, after })
      return describe(after)
    },
    async removeRepository(id) {
      const before = find(id)
      await repositories.remove(id)
      tell({ action: 'deleted', before, after: before })
    }
  }
}
