import type { InternalApi, RouteInput, RouteName, RouteOutput } from '@slipway/client'
import { type Build, Failure, type FunctionRecord, type Page, type Store } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import { createSecretHandlers } from './secret-handlers.ts'
import type { Views } from './views.ts'

export interface HandlerDeps {
  store: Store
  internal: InternalApi
  signals: Pick<Signals, 'send'>
  views: Views
  now: () => number
}

/** Who asks. Until people can sign in there is one: the administrator, by token. */
export interface Actor {
  name: string
}

/** Writes down who did what. */
export type Note = (
  actor: Actor,
  action: string,
  ownerId: string | null,
  resource: string,
  detail?: Record<string, unknown>
) => Promise<void>

export type Handlers = {
  [N in RouteName]: (input: RouteInput<N>, actor: Actor, signal: AbortSignal) => Promise<RouteOutput<N>>
}

/** What each route of the status API does. Input and output are checked by the contract's schemas before and after. */
export function createHandlers({ store, internal, signals, views, now }: HandlerDeps): Handlers {
  const pageOf = ({ before, limit }: { before?: string; limit?: number }): Page => ({
    before: before ?? null,
    limit: limit ?? 50
  })

  /** null: all owners. */
  async function ownerIdOf(slug: string | undefined): Promise<string | null> {
    if (slug === undefined) return null
    const owner = await store.owners.findBySlug(slug)
    if (owner === null) throw new Failure('not-found', `there is no owner ${JSON.stringify(slug)}`)
    return owner.id
  }

  async function buildOf(id: string): Promise<Build> {
    const build = await store.builds.get(id)
    if (build === null) throw new Failure('not-found', `there is no build ${id}`)
    return build
  }

  async function functionOf({ owner, name }: { owner: string; name: string }): Promise<FunctionRecord> {
    const found = await store.owners.findBySlug(owner)
    const record = found === null ? null : await store.functions.get(found.id, name)
    if (record === null) throw new Failure('not-found', `there is no function ${name} of ${owner}`)
    return record
  }

  async function listed<T extends { id: string }, V>(items: T[], page: Page, view: (item: T) => V | Promise<V>) {
    const shown: V[] = []
    for (const item of items) shown.push(await view(item))
    return { items: shown, next: items.length < page.limit ? null : (items.at(-1)?.id ?? null) }
  }

  async function note(
    actor: Actor,
    action: string,
    ownerId: string | null,
    resource: string,
    detail: Record<string, unknown> = {}
  ) {
    await store.audit.append({ at: now(), actor: actor.name, action, ownerId, resource, detail })
  }

  /** The deployment that took the traffic before the live one; it may still be draining. */
  async function earlierDeployment(record: FunctionRecord): Promise<string> {
    const all = await store.deployments.list(
      record.ownerId,
      { functionName: record.name },
      { before: null, limit: 100 }
    )
    const former = all
      .filter(({ status, liveAt }) => liveAt !== null && (status === 'ended' || status === 'draining'))
      .toSorted((a, b) => (b.liveAt ?? 0) - (a.liveAt ?? 0))
    const [before] = former
    if (before === undefined)
      throw new Failure('conflict', `${record.clusterName} has no earlier deployment to go back to`)
    return before.id
  }

  async function setPaused(input: { owner: string; name: string }, isPaused: boolean, actor: Actor) {
    const { ownerId, name, clusterName } = await functionOf(input)
    const record = await store.functions.setPaused(ownerId, name, isPaused, now())
    await note(actor, isPaused ? 'pause' : 'resume', ownerId, `function/${clusterName}`)
    return views.forOneAnswer().function(record)
  }

  return {
    ...createSecretHandlers({ store, internal, signals, note, now }),
    async listOwners(input) {
      const page = pageOf(input)
      return listed(await store.owners.list(page), page, views.forOneAnswer().owner)
    },
    async setOwnerSlug({ id, slug }, actor) {
      const before = await store.owners.get(id)
      if (before === null) throw new Failure('not-found', `there is no owner ${id}`)
      const owner = await store.owners.setSlug(id, slug)
      await note(actor, 'name-owner', id, `owner/${id}`, { before: before.slug, after: slug })
      return views.forOneAnswer().owner(owner)
    },
    async listRepositories(input) {
      const page = pageOf(input)
      return listed(
        await store.repositories.list(await ownerIdOf(input.owner), page),
        page,
        views.forOneAnswer().repository
      )
    },
    async updateRepository({ id, ...settings }, actor) {
      const before = await store.repositories.get(id)
      if (before === null) throw new Failure('not-found', `there is no repository ${id}`)
      const repository = await store.repositories.updateSettings(id, settings)
      const { branch, stackPath, isAtomic } = before
      await note(actor, 'set-repository', before.ownerId, `repository/${id}`, {
        before: { branch, stackPath, isAtomic },
        after: settings
      })
      return views.forOneAnswer().repository(repository)
    },
    async listBuilds({ owner, repository, branch, commit, status, ...input }) {
      const page = pageOf(input)
      const filter = {
        ...(repository === undefined ? {} : { repositoryId: repository }),
        ...(branch === undefined ? {} : { ref: `refs/heads/${branch}` }),
        ...(commit === undefined ? {} : { commit }),
        ...(status === undefined ? {} : { status })
      }
      return listed(await store.builds.list(await ownerIdOf(owner), filter, page), page, views.forOneAnswer().build)
    },
    getBuild: async ({ id }) => views.buildDetail(await buildOf(id)),
    async cancelBuild({ id }, actor) {
      const build = await store.builds.requestCancel(id, actor.name, now())
      signals.send('cancel', { buildId: id })
      signals.send('changed', { buildId: id })
      signals.send('builds', {})
      await note(actor, 'cancel', build.ownerId, `build/${id}`)
      return views.forOneAnswer().build(build)
    },
    async rebuild({ id, noCache = false }, actor) {
      const { repositoryId, ref, commit, message } = await buildOf(id)
      const build = await store.builds.queue(
        { repositoryId, ref, commit, before: null, trigger: 'rebuild', message, sender: actor.name, noCache },
        now()
      )
      signals.send('builds', {})
      await note(actor, 'rebuild', build.ownerId, `build/${build.id}`, { of: id, noCache })
      return views.forOneAnswer().build(build)
    },
    async listFunctions({ owner, repository, ...input }) {
      const page = pageOf(input)
      const filter = repository === undefined ? {} : { repositoryId: repository }
      const records = await store.functions.list(await ownerIdOf(owner), filter, page)
      const view = views.forOneAnswer()
      return listed(
        records.map((record) => ({ id: record.clusterName, record })),
        page,
        ({ record }) => view.function(record)
      )
    },
    getFunction: async (input) => views.forOneAnswer().function(await functionOf(input)),
    async listDeployments({ owner, name, ...input }) {
      const page = pageOf(input)
      const { ownerId } = await functionOf({ owner, name })
      return listed(
        await store.deployments.list(ownerId, { functionName: name }, page),
        page,
        views.forOneAnswer().deployment
      )
    },
    async rollback({ owner, name, deploymentId }, actor) {
      const record = await functionOf({ owner, name })
      const target = deploymentId ?? (await earlierDeployment(record))
      const deployment = await store.deployments.get(target)
      if (deployment === null || deployment.ownerId !== record.ownerId || deployment.functionName !== name) {
        throw new Failure('not-found', `${record.clusterName} has no deployment ${target}`)
      }
      const build = await store.builds.queueRollback(target, actor.name, now())
      signals.send('builds', {})
      await note(actor, 'rollback', record.ownerId, `function/${record.clusterName}`, {
        from: record.liveDeploymentId,
        to: target
      })
      return views.forOneAnswer().build(build)
    },
    pauseFunction: (input, actor) => setPaused(input, true, actor),
    resumeFunction: (input, actor) => setPaused(input, false, actor),
    async scaleFunction({ owner, name, replicas }, actor, signal) {
      const record = await functionOf({ owner, name })
      if (record.liveDeploymentId === null) throw new Failure('conflict', `${record.clusterName} is not live`)
      await internal.scale(record.liveDeploymentId, replicas, signal)
      await note(actor, 'scale', record.ownerId, `function/${record.clusterName}`, { replicas })
      return views.forOneAnswer().function(record)
    },
    async removeFunction(input, actor, signal) {
      const record = await functionOf(input)
      await internal.remove(record.ownerId, record.name, signal)
      await note(actor, 'remove', record.ownerId, `function/${record.clusterName}`)
      return { message: `${record.clusterName} is out of service` }
    },
    async getDeployment({ id }) {
      const deployment = await store.deployments.get(id)
      if (deployment === null) throw new Failure('not-found', `there is no deployment ${id}`)
      return views.forOneAnswer().deployment(deployment)
    },
    async listDeliveries({ owner, ...input }) {
      const page = pageOf(input)
      return listed(await store.deliveries.list(await ownerIdOf(owner), page), page, views.forOneAnswer().delivery)
    },
    async cleanUp(_input, actor, signal) {
      const report = await internal.cleanUp({ builders: true }, signal)
      await note(actor, 'clean-up', null, 'installation', { removed: report.removed })
      return report
    }
  }
}
