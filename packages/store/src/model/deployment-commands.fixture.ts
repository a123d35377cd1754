import assert from 'node:assert/strict'
import { imageOf, specOf } from '@slipway/testing'
import { buildAt, type Step, waiting } from './build-commands.fixture.ts'
import {
  claimLimit,
  endOf,
  isHeld,
  isOpen,
  leaseMs,
  type Model,
  type ModelBuild,
  type ModelDeployment,
  newBuild,
  switchAll,
  verdictOn
} from './model.fixture.ts'
import { outcomeOf } from './real.fixture.ts'

export const claimDeploy =
  (index: number, holder: string): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build === undefined) return
    const claimed = await store.builds.claimDeploy(build.id, holder, leaseMs, model.now)
    const mayHave = build.status === 'deploying' && !isHeld(model, build)
    if (mayHave && build.isCancelAsked) endOf(build, 'cancelled')
    else if (mayHave && build.claims >= claimLimit) endOf(build, 'error')
    if (!mayHave || !isOpen(build)) return assert.equal(claimed, null)
    assert.equal(claimed?.build.generation, build.generation)
    Object.assign(build, { holder, leaseUntil: model.now + leaseMs, dueAt: 0, claims: build.claims + 1 })
    build.dispatchedAt ??= model.now
  }

/** Prepares all functions of a build that are not paused. */
export const prepare =
  (index: number, holder: string): Step =>
  async (model, { store, ownerSlug }) => {
    const build = buildAt(model, index)
    if (build?.status !== 'deploying') return
    const isRollback = build.trigger === 'rollback'
    const names = build.functions.filter((name) => isRollback || model.functions.get(name)?.isPaused !== true)
    const wanted = names.map((functionName) => ({
      functionName,
      clusterName: `${ownerSlug}-${functionName}`,
      image: imageOf(functionName, contentOf(functionName, build.commit)),
      spec: specOf(functionName),
      labels: {},
      annotations: {},
      replicas: 1,
      mayStay: mayStay(build),
      ...(build.earlier === null ? {} : { existingDeploymentId: build.earlier })
    }))
    const outcome = await outcomeOf(store.deployments.prepare(build.id, holder, wanted, model.now))
    if (build.holder !== holder) return assert.deepEqual(outcome, { code: 'lease-lost' })
    if (build.earlier !== null && !mayRestart(model, build.earlier, build.generation)) {
      return assert.deepEqual(outcome, { code: 'invalid-transition' })
    }
    assert.ok('value' in outcome, JSON.stringify(outcome))
    build.prepared = new Map(outcome.value.map((one) => [one.functionName, one.id]))
    for (const { id, functionName } of outcome.value) expectPrepared(model, build, id, functionName)
  }

/** Every commit has another `web`, and all of them the same `worker`. */
const contentOf = (functionName: string, commit: string) => (functionName === 'web' ? commit : 'f')

const mayStay = ({ trigger }: ModelBuild) => trigger !== 'rebuild'

function mayRestart(model: Model, id: string, generation: number | null): boolean {
  const earlier = model.deployments.find((one) => one.id === id)
  const isUnderWay = earlier?.status === 'starting' || earlier?.status === 'live'
  return (
    earlier?.status === 'ended' || earlier?.status === 'draining' || (isUnderWay && earlier.generation === generation)
  )
}

/** A deployment is as it was made by this build, or is made now; an earlier one begins again. */
function expectPrepared(model: Model, build: ModelBuild, id: string, functionName: string): void {
  const generation = build.generation ?? 0
  const usable = model.deployments.find(
    (one) =>
      one.buildId === build.id &&
      one.functionName === functionName &&
      (one.status === 'starting' || one.status === 'live')
  )
  const known = model.deployments.find((one) => one.id === id)
  if (build.earlier === null && usable !== undefined) assert.equal(id, usable.id, 'what was made is used')
  const live = model.deployments.find((one) => one.id === model.functions.get(functionName)?.live)
  const content = contentOf(functionName, build.commit)
  if (build.earlier === null && usable === undefined && mayStay(build) && live?.content === content) {
    assert.equal(id, live.id, 'what is live just so stays')
  } else if (known === undefined) {
    const earlier = model.deployments.find((one) => one.id === build.earlier)
    const of = { commit: earlier?.commit ?? build.commit, content: earlier?.content ?? content }
    model.deployments.push({ id, buildId: build.id, functionName, ...of, generation, status: 'starting' })
  } else if (known.status === 'ended') {
    Object.assign(known, { buildId: build.id, generation, status: 'starting' } satisfies Partial<ModelDeployment>)
  } else {
    assert.ok(known === usable || known.generation === generation)
  }
  if (!model.functions.has(functionName)) {
    model.functions.set(functionName, { live: null, generation: 0, isPaused: false })
  }
}

export const switchLive =
  (index: number, holder: string): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build === undefined) return
    const isRollback = build.trigger === 'rollback'
    const change = {
      deploymentIds: [...build.prepared.values()],
      keep: isRollback ? null : build.functions,
      finish: true,
      pause: isRollback
    }
    const outcome = await outcomeOf(store.deployments.switchLive(build.id, holder, change, model.now))
    if (build.holder !== holder || build.status !== 'deploying') {
      return assert.deepEqual(outcome, { code: 'lease-lost' })
    }
    if (build.isCancelAsked) return assert.deepEqual(outcome, { code: 'cancelled' })
    const verdict = verdictOn(model, build)
    if (verdict === 'gone') return assert.deepEqual(outcome, { code: 'unavailable' })
    assert.ok('value' in outcome, JSON.stringify(outcome))
    assert.equal(outcome.value.isSwitched, verdict === 'switched')
    if (verdict === 'switched') switchAll(model, build)
  }

/** The newest ones are the most likely. */
function deploymentAt(model: Model, index: number): ModelDeployment | undefined {
  return model.deployments.at(-1 - (index % Math.max(1, model.deployments.length)))
}

export const rollback =
  (index: number): Step =>
  async (model, { store }) => {
    const earlier = deploymentAt(model, index)
    if (earlier === undefined) return
    const outcome = await outcomeOf(store.builds.queueRollback(earlier.id, 'alice', model.now))
    if (earlier.status !== 'ended' && earlier.status !== 'draining') {
      return assert.deepEqual(outcome, { code: 'conflict' })
    }
    assert.ok('value' in outcome, JSON.stringify(outcome))
    model.generation += 1
    newBuild(model, outcome.value.id, {
      trigger: 'rollback',
      status: 'deploying',
      generation: model.generation,
      functions: [earlier.functionName],
      earlier: earlier.id
    })
  }

/** A deployment is gone from the cluster: one that drained, or one that never became ready. */
export const endDeployment =
  (index: number, status: 'ended' | 'failed'): Step =>
  async (model, { store }) => {
    const deployment = deploymentAt(model, index)
    if (deployment === undefined) return
    const outcome = await outcomeOf(store.deployments.end(deployment.id, status, null, model.now))
    if (deployment.status === 'ended' || deployment.status === 'failed') return assert.ok('value' in outcome)
    const may = deployment.status === 'starting' || (deployment.status === 'draining' && status === 'ended')
    if (!may) return assert.deepEqual(outcome, { code: 'invalid-transition' })
    deployment.status = status
  }

export const pause =
  (name: string): Step =>
  async (model, { store, ownerId }) => {
    const fn = model.functions.get(name)
    if (fn === undefined) return
    await store.functions.pause(ownerId, name, model.now)
    fn.isPaused = true
  }

/** The head is brought when another commit is live. */
export const resume =
  (name: string): Step =>
  async (model, { store, ownerId }) => {
    const fn = model.functions.get(name)
    if (fn === undefined) return
    const { build } = await store.functions.resume(ownerId, name, 'alice', model.now)
    const live = model.deployments.find(({ id }) => id === fn.live)
    const { observed } = model
    const isBehind = fn.isPaused && observed !== null && observed.commit !== live?.commit
    fn.isPaused = false
    if (!isBehind) return assert.equal(build, null)
    assert.ok(build !== null)
    const known = waiting(model, observed.commit)
    if (known === undefined) newBuild(model, build.id, { commit: observed.commit, trigger: 'resume' })
    else if (known.trigger !== 'rebuild') known.trigger = 'resume'
    assert.equal(build.id, known?.id ?? build.id)
  }
