import {
  auditName,
  explainEnvironment,
  Failure,
  type VariableScope,
  type VariableUse,
  variablesFor
} from '@slipway/domain'
import { createLookups, type HandlerDeps, type Handlers } from './handling.ts'

export function createVariableHandlers(
  deps: HandlerDeps
): Handlers<'getEnvironment' | 'listVariables' | 'changeVariables'> {
  const { store, signals, views, now } = deps
  const { ownerIdOf, functionOf } = createLookups(deps)

  return {
    async getEnvironment(input) {
      const { ownerId, name, repositoryId, liveDeploymentId } = await functionOf(input)
      const all = await store.variables.list(ownerId)
      const live = liveDeploymentId === null ? null : await store.deployments.get(liveDeploymentId)
      const of = (use: VariableUse) => variablesFor(all, { repositoryId, functionName: name, use })
      const runtime = explainEnvironment(live?.declaredEnvironment ?? {}, of('runtime'))
      const running = new Map(Object.entries(live?.spec.environment ?? {}))
      const isSame = running.size === runtime.length && runtime.every((one) => running.get(one.name) === one.value)
      return { runtime, build: explainEnvironment({}, of('build')), isLiveOtherwise: live !== null && !isSame }
    },
    async listVariables({ owner }) {
      return { items: (await store.variables.list(await ownerIdOf(owner))).map(views.variable) }
    },
    async changeVariables({ owner, repository, function: functionName, use, set = {}, remove = [] }, caller) {
      if (repository !== undefined && functionName !== undefined) {
        throw new Failure('invalid-request', 'name a repository or a function, not both')
      }
      const ownerId = await ownerIdOf(owner)
      const scope = scopeOf(repository, functionName)
      const change = { ownerId, scope, use, set, remove, by: caller.name, actor: auditName(caller) }
      const { variables, redeploys } = await store.variables.change(change, now())
      if (redeploys.length > 0) signals.send('builds', {})
      const view = views.forOneAnswer()
      return {
        items: variables.map(views.variable),
        builds: await Promise.all(redeploys.map((build) => view.build(build)))
      }
    }
  }
}

function scopeOf(repositoryId: string | undefined, functionName: string | undefined): VariableScope {
  if (functionName !== undefined) return { kind: 'function', functionName }
  return repositoryId === undefined ? { kind: 'owner' } : { kind: 'repository', repositoryId }
}
