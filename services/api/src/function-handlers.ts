import type { RouteName } from '@slipway/client'
import {
  type Deployment,
  Failure,
  type FunctionRecord,
  pinnedReference,
  replicasByItself,
  shortCommit
} from '@slipway/domain'
import { differencesOf } from './difference.ts'
import { createLookups, type HandlerDeps, type Handlers, listed, pageOf } from './handling.ts'

type FunctionRoutes = Extract<
  RouteName,
  | `${'list' | 'get' | 'pause' | 'resume' | 'redeploy' | 'scale' | 'remove'}Function${'' | 's'}`
  | 'listDeployments'
  | 'compareDeployments'
  | 'rollback'
>

export function createFunctionHandlers(deps: HandlerDeps): Handlers<FunctionRoutes> {
  const { store, internal, signals, views, now } = deps
  const { whoseFor, functionOf, note } = createLookups(deps)

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

  async function deploymentOf({ ownerId, name, clusterName }: FunctionRecord, id: string): Promise<Deployment> {
    const deployment = await store.deployments.get(id)
    if (deployment === null || deployment.ownerId !== ownerId || deployment.functionName !== name) {
      throw new Failure('not-found', `${clusterName} has no deployment ${id}`)
    }
    return deployment
  }

  /** @throws Failure `image-missing` before anything is begun */
  async function assertImage({ clusterName, image, commit }: Deployment, signal: AbortSignal): Promise<void> {
    const pinned = pinnedReference(image)
    if (await internal.hasImage(pinned, signal)) return
    const again = commit === null ? 'deploy it again' : `build ${shortCommit(commit)} again`
    throw new Failure(
      'image-missing',
      `the image of this deployment of ${clusterName} is not in the registry any more (${pinned}): ${again}`
    )
  }

  return {
    async listFunctions({ owner, repository, ...input }, caller) {
      const page = pageOf(input)
      const filter = repository === undefined ? {} : { repositoryId: repository }
      const whose = await whoseFor(caller, 'see-function', { owner, repository })
      const records = await store.functions.list(whose, filter, page)
      const view = views.forOneAnswer()
      return listed(
        records.map((record) => ({ id: record.clusterName, record })),
        page,
        ({ record }) => view.function(record)
      )
    },
    getFunction: async (input) => views.forOneAnswer().function(await functionOf(input)),
    async listDeployments({ owner, name, commit, ...input }) {
      const page = pageOf(input)
      const { ownerId } = await functionOf({ owner, name })
      const filter = { functionName: name, ...(commit === undefined ? {} : { commit }) }
      return listed(await store.deployments.list(ownerId, filter, page), page, views.forOneAnswer().deployment)
    },
    async compareDeployments({ owner, name, from, to }) {
      const record = await functionOf({ owner, name })
      const later = to ?? record.liveDeploymentId
      if (later === null) throw new Failure('conflict', `${record.clusterName} is not live: name the deployments`)
      const former = from ?? (await earlierDeployment(record))
      return { differences: differencesOf(await deploymentOf(record, former), await deploymentOf(record, later)) }
    },
    async rollback({ owner, name, deploymentId }, caller, signal) {
      const record = await functionOf({ owner, name })
      const target = deploymentId ?? (await earlierDeployment(record))
      const deployment = await deploymentOf(record, target)
      await assertImage(deployment, signal)
      const build = await store.builds.queueRollback(target, caller.name, now())
      signals.send('builds', {})
      await note(caller, 'rollback', record.ownerId, `function/${record.clusterName}`, {
        from: record.liveDeploymentId,
        to: target
      })
      return views.forOneAnswer().build(build)
    },
    async redeployFunction(input, caller) {
      const { ownerId, name, repositoryId, clusterName } = await functionOf(input)
      if (repositoryId === null) {
        throw new Failure('conflict', `${clusterName} was deployed by API: deploy it again the same way`)
      }
      const about = { trigger: 'redeploy', by: caller.name, message: `deploys ${name} again` } as const
      const build = await store.builds.queueRedeploy({ repositoryId, functions: [name], ...about }, now())
      signals.send('builds', {})
      await note(caller, 'redeploy', ownerId, `function/${clusterName}`, { buildId: build.id })
      return views.forOneAnswer().build(build)
    },
    async pauseFunction(input, caller) {
      const { ownerId, name, clusterName, isPaused } = await functionOf(input)
      const record = await store.functions.pause(ownerId, name, now())
      signals.send('function', { ownerId, name })
      await note(caller, 'pause', ownerId, `function/${clusterName}`, { before: isPaused, after: true })
      return views.forOneAnswer().function(record)
    },
    async resumeFunction(input, caller) {
      const { ownerId, name, clusterName, isPaused } = await functionOf(input)
      const { record, build } = await store.functions.resume(ownerId, name, caller.name, now())
      if (build !== null) signals.send('builds', {})
      signals.send('function', { ownerId, name })
      const about = { before: isPaused, after: false, buildId: build?.id ?? null }
      await note(caller, 'resume', ownerId, `function/${clusterName}`, about)
      const view = views.forOneAnswer()
      return { function: await view.function(record), build: build === null ? null : await view.build(build) }
    },
    async scaleFunction({ owner, name, replicas }, caller, signal) {
      const record = await functionOf({ owner, name })
      const live = record.liveDeploymentId === null ? null : await store.deployments.get(record.liveDeploymentId)
      if (live === null) throw new Failure('conflict', `${record.clusterName} is not live`)
      const byItself = replicasByItself(live.spec.labels, live.replicas, live.spec.replicas)
      const wanted =
        replicas === null ? ({ replicas: byItself, by: 'nobody' } as const) : ({ replicas, by: 'hand' } as const)
      await internal.scale(live.id, wanted, signal)
      signals.send('function', { ownerId: record.ownerId, name })
      await note(caller, 'scale', record.ownerId, `function/${record.clusterName}`, { replicas })
      return views.forOneAnswer().function(record)
    },
    async removeFunction(input, caller, signal) {
      const record = await functionOf(input)
      await internal.remove(record.ownerId, record.name, signal)
      signals.send('function', { ownerId: record.ownerId, name: record.name })
      await note(caller, 'remove', record.ownerId, `function/${record.clusterName}`)
      return { message: `${record.clusterName} is out of service` }
    }
  }
}
