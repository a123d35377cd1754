import { randomUUID } from 'node:crypto'
import { Failure } from '@slipway/domain'
import type { FastifyInstance } from 'fastify'
import type { Core, LocalForgeOptions, WebhookOptions } from './core.ts'
import { createDeliveries, type Deliveries, type LocalDelivery, type Loss } from './deliveries.ts'
import { type Developer, developerOf } from './developers.ts'
import type { ForgeForm } from './form.ts'
import { createGitHttp } from './git-http.ts'
import { createPages } from './page.ts'
import { type PeopleOperations, peopleOperations } from './people-operations.ts'
import { type CommitReport, newestPerContext, reportOfCheckRun, reportOfStatus } from './reports.ts'
import { type RepositoryOperations, repositoryOperations } from './repository-operations.ts'
import { createForgeServer, type Outage, type OutageForm, type Trouble } from './server.ts'
import type { Webhook } from './state.ts'
import { createTelling } from './telling.ts'

/** What a local forge of either kind can do. Ids are the forge's numeric ids. */
export interface LocalForgeHost extends RepositoryOperations {
  readonly url: string
  readonly apiUrl: string
  readonly developer: Developer
  /** Another account that may push everywhere. */
  createDeveloper(login: string): Developer
  /** Who may send people here to sign in. */
  readonly oauthClient: { clientId: string; clientSecret: string }
  /** Where people may be sent back to, exactly; in place of those before. */
  setCallbackUrls(urls: string[]): void
  people: PeopleOperations
  /** In place of all that were there. */
  setWebhook(webhook: WebhookOptions): Webhook
  addWebhook(webhook: WebhookOptions): Webhook
  removeWebhooks(): void
  /** What stands on a commit: the newest of each context. */
  statuses(id: number, commit: string): CommitReport[]
  /** Oldest first, the last 500. */
  deliveries(): LocalDelivery[]
  /** `fail`: deliveries are recorded, but never arrive. `lose`: there is not even a record of them. */
  setLoss(loss: Loss): void
  /** The same bytes under the same delivery id, signed anew. */
  redeliver(id: number): Promise<LocalDelivery>
  /** Resolves when every push so far was told, and every delivery was answered or given up. */
  settled(): Promise<void>
  /** While stale, readers (git and REST) see the refs as they are now; pushes go on. */
  setStaleReads(id: number, isStale: boolean): Promise<void>
  /** @param form how it shows; by default an answer of 503. */
  setOutage(outage: Outage, form?: OutageForm): void
  /** Holds back every answer of REST and git. */
  setLatency(latencyMs: number): void
  close(): Promise<void>
}

export interface Host {
  host: LocalForgeHost
  deliveries: Deliveries
}

/** Starts everything that both kinds have in common, in the given form. */
export async function startHost(core: Core, form: ForgeForm, options: LocalForgeOptions): Promise<Host> {
  const { state, repositories, accounts, now } = core
  const { logger } = options
  const trouble: Trouble = { outage: 'none', form: { status: 503 }, latencyMs: 0 }
  const deliveries = createDeliveries({ state, sign: form.sign, now, logger })
  const telling = createTelling({ core, form, deliveries, logger })

  const reportsOn = (repository: { id: number }, commit: string): CommitReport[] => {
    const isOn = (record: { repositoryId: number; commit: string }) =>
      record.repositoryId === repository.id && record.commit === commit
    const { checkRuns, statuses } = state.data
    return newestPerContext([
      ...checkRuns.filter(isOn).map(reportOfCheckRun),
      ...statuses.filter(isOn).map(reportOfStatus)
    ])
  }

  const gitHttp = createGitHttp({ root: options.root, git: core.git, logger, onPush: telling.onPush })
  const servePage = createPages({ core, deliveries, reportsOn })
  const app = createForgeServer({ core, form, gitHttp, servePage, deliveries, trouble, logger })
  const url = await listen(app, options)
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
    oauthClient: { clientId: form.oauthClient.clientId, clientSecret: form.oauthClient.clientSecret },
    setCallbackUrls(urls) {
      form.oauthClient.callbackUrls = urls
      state.changed()
    },
    people: peopleOperations(core),
    setWebhook: (webhook) => replaceWebhooks(core, webhook),
    addWebhook: (webhook) => addWebhook(core, webhook),
    removeWebhooks() {
      state.data.webhooks = []
      state.changed()
    },
    statuses: (id, commit) => reportsOn({ id }, commit),
    deliveries: deliveries.all,
    setLoss: deliveries.setLoss,
    redeliver: deliveries.redeliver,
    settled,
    setStaleReads: repositories.setFrozen,
    setOutage(outage, form = { status: 503 }) {
      trouble.outage = outage
      trouble.form = form
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

async function listen(app: FastifyInstance, { host = '127.0.0.1', port = 0 }: LocalForgeOptions): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (err) {
    throw new Failure('unavailable', `the local forge cannot listen on ${host}:${port}: choose another port`, {
      cause: err
    })
  }
}
