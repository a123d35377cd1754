import { Failure } from '@slipway/domain'
import { createFunctionHandlers } from './function-handlers.ts'
import { createLookups, type HandlerDeps, type Handlers, listed, pageOf } from './handling.ts'
import { createSecretHandlers } from './secret-handlers.ts'
import { createVariableHandlers } from './variable-handlers.ts'

/** What each route of the status API does. Input and output are checked by the contract's schemas before and after. */
export function createHandlers(deps: HandlerDeps): Handlers {
  const { store, internal, signals, views, now } = deps
  const { ownerIdOrAll, buildOf, note } = createLookups(deps)

  return {
    ...createSecretHandlers({ store, internal, signals, note, now }),
    ...createFunctionHandlers(deps),
    ...createVariableHandlers(deps),
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
        await store.repositories.list(await ownerIdOrAll(input.owner), page),
        page,
        views.forOneAnswer().repository
      )
    },
    async updateRepository({ id, ...settings }, actor) {
      const before = await store.repositories.get(id)
      if (before === null) throw new Failure('not-found', `there is no repository ${id}`)
      const repository = await store.repositories.updateSettings(id, settings)
      const { branch, stackPath, isAtomic, policy } = before
      await note(actor, 'set-repository', before.ownerId, `repository/${id}`, {
        before: { branch, stackPath, isAtomic, policy },
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
      return listed(await store.builds.list(await ownerIdOrAll(owner), filter, page), page, views.forOneAnswer().build)
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
    async getDeployment({ id }) {
      const deployment = await store.deployments.get(id)
      if (deployment === null) throw new Failure('not-found', `there is no deployment ${id}`)
      return views.forOneAnswer().deployment(deployment)
    },
    async listDeliveries({ owner, ...input }) {
      const page = pageOf(input)
      return listed(await store.deliveries.list(await ownerIdOrAll(owner), page), page, views.forOneAnswer().delivery)
    },
    async listRunning(_input, _actor, signal) {
      const view = views.forOneAnswer()
      const objects = await internal.list(signal)
      return { items: await Promise.all(objects.map((object) => view.running(object))) }
    },
    async listAudit({ owner, ...input }) {
      const page = pageOf(input)
      return listed(await store.audit.list(await ownerIdOrAll(owner), page), page, views.forOneAnswer().audit)
    },
    async cleanUp(_input, actor, signal) {
      const report = await internal.cleanUp({ builders: true }, signal)
      await note(actor, 'clean-up', null, 'installation', { removed: report.removed })
      return report
    }
  }
}
