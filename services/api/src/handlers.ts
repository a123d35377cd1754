import { Failure } from '@slipway/domain'
import { createAccessHandlers } from './access-handlers.ts'
import { createCallHandlers } from './call-handlers.ts'
import { createForgeHandlers } from './connect/handlers.ts'
import { createFunctionHandlers } from './function-handlers.ts'
import { createLookups, type HandlerDeps, type Handlers, listed, pageOf } from './handling.ts'
import { createHealthHandlers } from './health-handler.ts'
import { createNotificationHandlers } from './notification-handlers.ts'
import { createOwnerHandlers } from './owner-handlers.ts'
import { createPeopleHandlers } from './people-handlers.ts'
import { createQueueHandlers, createWaits } from './queue-handler.ts'
import { createSecretHandlers } from './secret-handlers.ts'
import { createTerminalHandlers } from './terminal-handlers.ts'
import { createTokenHandlers } from './token-handlers.ts'
import { createTrafficHandlers } from './traffic-handlers.ts'
import { createTryHandlers } from './try-handler.ts'
import { createVariableHandlers } from './variable-handlers.ts'

/** What each route of the status API does. Input and output are checked by the contract's schemas before and after. */
export function createHandlers(deps: HandlerDeps): Handlers {
  const { store, internal, signals, views, signIn, now } = deps
  const { whoseFor, buildOf, note } = createLookups(deps)
  const waitOf = createWaits(deps)

  return {
    ...createSecretHandlers({ store, internal, signals, note, now, rotateAccountKey: signIn.rotateAccountKey }),
    ...createForgeHandlers({ store, internal, publicUrl: deps.publicUrl, note }),
    ...createFunctionHandlers(deps),
    ...createVariableHandlers(deps),
    ...createPeopleHandlers({ store, now, ...signIn }),
    ...createTrafficHandlers(deps),
    ...createTokenHandlers(deps),
    ...createTerminalHandlers(deps),
    ...createAccessHandlers(deps),
    ...createTryHandlers(deps),
    ...createNotificationHandlers(deps),
    ...createOwnerHandlers(deps),
    ...createQueueHandlers(deps),
    ...createCallHandlers(deps),
    ...createHealthHandlers(deps),
    async listOwners(input, caller) {
      const page = pageOf(input)
      return listed(
        await store.owners.list(page, await whoseFor(caller, 'see-owner', {})),
        page,
        views.forOneAnswer().owner
      )
    },
    async listRepositories(input, caller) {
      const page = pageOf(input)
      return listed(
        await store.repositories.list(await whoseFor(caller, 'see-repository', input), page),
        page,
        views.forOneAnswer().repository
      )
    },
    async updateRepository({ id, ...asked }, caller) {
      const before = await store.repositories.get(id)
      if (before === null) throw new Failure('not-found', `there is no repository ${id}`)
      const { isAutomatic, ...settings } = asked
      let repository = await store.repositories.updateSettings(id, settings)
      if (isAutomatic !== undefined) {
        const switched = await store.repositories.setAutomatic(id, isAutomatic, caller.name, now())
        repository = switched.repository
        if (switched.build !== null) signals.send('builds', {})
      }
      const { branch, stackPath, isAtomic, policy, hasPublicPages } = before
      await note(caller, 'set-repository', before.ownerId, `repository/${id}`, {
        before: { branch, stackPath, isAtomic, policy, isAutomatic: before.isAutomatic, hasPublicPages },
        after: asked
      })
      return views.forOneAnswer().repository(repository)
    },
    async listBuilds({ repository, branch, commit, status, ...input }, caller) {
      const page = pageOf(input)
      const filter = {
        ...(repository === undefined ? {} : { repositoryId: repository }),
        ...(branch === undefined ? {} : { ref: `refs/heads/${branch}` }),
        ...(commit === undefined ? {} : { commit }),
        ...(status === undefined ? {} : { status })
      }
      const whose = await whoseFor(caller, 'see-build', { ...input, repository })
      return listed(await store.builds.list(whose, filter, page), page, views.forOneAnswer().build)
    },
    async getBuild({ id }) {
      const build = await buildOf(id)
      return { ...(await views.buildDetail(build)), ...(await waitOf(build)) }
    },
    async cancelBuild({ id }, caller) {
      const build = await store.builds.requestCancel(id, caller.name, now())
      signals.send('cancel', { buildId: id })
      signals.send('changed', { buildId: id })
      signals.send('builds', {})
      await note(caller, 'cancel', build.ownerId, `build/${id}`)
      return views.forOneAnswer().build(build)
    },
    async rebuild({ id, noCache = false }, caller) {
      const { repositoryId, ref, commit, message } = await buildOf(id)
      const build = await store.builds.queue(
        { repositoryId, ref, commit, before: null, trigger: 'rebuild', message, sender: caller.name, noCache },
        now()
      )
      signals.send('builds', {})
      await note(caller, 'rebuild', build.ownerId, `build/${build.id}`, { of: id, noCache })
      return views.forOneAnswer().build(build)
    },
    async getDeployment({ id }) {
      const deployment = await store.deployments.get(id)
      if (deployment === null) throw new Failure('not-found', `there is no deployment ${id}`)
      return views.forOneAnswer().deployment(deployment)
    },
    async listDeliveries({ repository, ...input }, caller) {
      const page = pageOf(input)
      const whose = await whoseFor(caller, 'see-delivery', { ...input, repository })
      return listed(
        await store.deliveries.list(whose, page, repository === undefined ? {} : { repositoryId: repository }),
        page,
        views.forOneAnswer().delivery
      )
    },
    async listRunning(_input, _caller, signal) {
      const view = views.forOneAnswer()
      const objects = await internal.list(signal)
      return { items: await Promise.all(objects.map((object) => view.running(object))) }
    },
    async listAudit({ actor, action, ...input }, caller) {
      const page = pageOf(input)
      const filter = { ...(actor === undefined ? {} : { actor }), ...(action === undefined ? {} : { action }) }
      return listed(
        await store.audit.list(await whoseFor(caller, 'see-audit', input), page, filter),
        page,
        views.forOneAnswer().audit
      )
    },
    async cleanUp(_input, caller, signal) {
      const report = await internal.cleanUp({ builders: true }, signal)
      await note(caller, 'clean-up', null, 'installation', { removed: report.removed })
      return report
    }
  }
}
