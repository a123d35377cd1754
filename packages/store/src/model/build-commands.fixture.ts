import assert from 'node:assert/strict'
import { specOf } from '@slipway/testing'
import {
  claimLimit,
  endOf,
  giveUp,
  hasRef,
  isActive,
  isHeld,
  isOpen,
  leaseMs,
  letGo,
  type Model,
  type ModelBuild,
  newBuild,
  redispatchMs
} from './model.fixture.ts'
import { commitId, outcomeOf, type Real } from './real.fixture.ts'

/** Does one thing to both and compares what came of it. */
export type Step = (model: Model, real: Real) => Promise<void>

const ref = 'refs/heads/main'
/** The build that a number stands for; the newest ones are the most likely. */
export function buildAt(model: Model, index: number): ModelBuild | undefined {
  return model.builds.at(-1 - (index % Math.max(1, model.builds.length)))
}

export function waiting(model: Model, commit: string): ModelBuild | undefined {
  return model.builds.find((build) => build.status === 'queued' && build.commit === commit)
}

export const push =
  (commit: string): Step =>
  async (model, { store, repositoryId }) => {
    const asked = { trigger: 'push' as const, before: null, message: null, sender: null, noCache: false }
    const build = await store.builds.queue({ repositoryId, ref, commit: commitId(commit), ...asked }, model.now)
    const known = waiting(model, commit)
    if (known === undefined) newBuild(model, build.id, { commit })
    else assert.equal(build.id, known.id, 'one that waits is used')
  }

export const admit: Step = async (model, { store }) => {
  const limits = { slots: 1_000_000, perOwner: 1_000_000, redispatchMs }
  const jobs = await store.builds.admit(limits, model.now)
  const mine = new Map(jobs.map(({ buildId, stage }) => [buildId, stage]))
  const isDue = (build: ModelBuild) => build.dueAt <= model.now
  const isLost = (build: ModelBuild) =>
    isActive(build) &&
    !isHeld(model, build) &&
    isDue(build) &&
    (build.dispatchedAt === null || build.dispatchedAt <= model.now - redispatchMs)
  const lost = model.builds.filter(isLost)
  const isBusy = model.builds.some(hasRef)
  const next = isBusy
    ? undefined
    : model.builds.find((build) => build.status === 'queued' && build.dispatchedAt === null && isDue(build))
  const expected = [...lost, ...(next === undefined ? [] : [next])]
  const known = new Set(model.builds.map(({ id }) => id))
  assert.deepEqual(
    new Map([...mine].filter(([id]) => known.has(id))),
    new Map(expected.map((build) => [build.id, build.status === 'deploying' ? 'deploy' : 'build']))
  )
  for (const build of expected) build.dispatchedAt = model.now
}

/** Ends what must not be taken up again. */
function endInsteadOfClaim(build: ModelBuild): boolean {
  if (build.isCancelAsked) endOf(build, 'cancelled')
  else if (build.claims >= claimLimit) endOf(build, 'error')
  return !isOpen(build)
}

export const claim =
  (index: number, holder: string): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build === undefined) return
    const claimed = await store.builds.claim(build.id, holder, leaseMs, model.now)
    const isForeign =
      build.status === 'queued' &&
      build.dispatchedAt === null &&
      (build.dueAt > model.now || model.builds.some((one) => one !== build && hasRef(one)))
    const mayHave = (build.status === 'queued' || build.status === 'building') && !isHeld(model, build) && !isForeign
    if (!mayHave || endInsteadOfClaim(build)) {
      assert.equal(claimed, null)
      return
    }
    model.generation += 1
    Object.assign(build, {
      status: 'building',
      generation: model.generation,
      holder,
      leaseUntil: model.now + leaseMs,
      dueAt: 0,
      dispatchedAt: build.dispatchedAt ?? model.now,
      claims: build.claims + 1
    })
    assert.ok(claimed !== null, 'it is to be had')
    assert.equal(claimed.build.generation, model.generation)
    assert.equal(claimed.observation?.buildId ?? null, model.observed?.buildId ?? null)
  }

export const renew =
  (index: number, holder: string): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build === undefined) return
    const { isHeld: held, isCancelled } = await store.builds.renew(build.id, holder, leaseMs, model.now)
    assert.equal(held, build.holder === holder)
    if (build.holder !== holder) return
    assert.equal(isCancelled, build.isCancelAsked)
    build.leaseUntil = model.now + leaseMs
  }

export const observe =
  (index: number, holder: string): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build?.status !== 'building') return
    const outcome = await outcomeOf(store.builds.observe(build.id, holder, model.now))
    if (build.holder !== holder) return assert.deepEqual(outcome, { code: 'lease-lost' })
    const generation = build.generation ?? 0
    if (model.observed === null || model.observed.generation < generation) {
      model.observed = { commit: build.commit, buildId: build.id, generation }
    }
    for (const older of model.builds.slice(0, model.builds.indexOf(build))) {
      if (older.status === 'queued' && older.trigger !== 'rebuild') endOf(older, 'superseded')
    }
  }

export const giveWay =
  (index: number, holder: string, head: string): Step =>
  async (model, { store, repositoryId }) => {
    const build = buildAt(model, index)
    if (build?.status !== 'building') return
    const verdict = { status: 'superseded' as const, reason: 'the branch moved', head: commitId(head) }
    const outcome = await outcomeOf(store.builds.giveWay(build.id, holder, verdict, model.now))
    if (build.holder !== holder) return assert.deepEqual(outcome, { code: 'lease-lost' })
    endOf(build, 'superseded')
    if (waiting(model, head) !== undefined) return
    const [newest] = await store.builds.list(null, { repositoryId }, { before: null, limit: 1 })
    newBuild(model, newest?.id ?? '', { commit: head, trigger: 'head' })
  }

export const handOver =
  (index: number, holder: string, names: string[]): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build?.status !== 'building') return
    const functions = names.map((name) => ({ name, spec: specOf(name) }))
    const planned = await outcomeOf(store.builds.plan(build.id, holder, functions, []))
    if (build.holder !== holder) return assert.deepEqual(planned, { code: 'lease-lost' })
    const handed = await outcomeOf(store.builds.handOver(build.id, holder, model.now))
    if (build.isCancelAsked) return assert.deepEqual(handed, { code: 'cancelled' })
    assert.ok('value' in handed, JSON.stringify(handed))
    build.status = 'deploying'
    build.functions = names
    build.claims = 0
    letGo(build)
  }

export const giveBack =
  (index: number, holder: string): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build === undefined) return
    await store.builds.giveBack(build.id, holder, model.now)
    if (build.holder !== holder || !giveUp(build)) return
    build.dueAt = 0
    build.claims = Math.max(0, build.claims - 1)
  }

export const retryLater =
  (index: number, holder: string, waitMs: number): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build === undefined) return
    await store.builds.retryLater(build.id, holder, 'the engine is away', model.now + waitMs)
    if (build.holder !== holder || !giveUp(build)) return
    build.attempt += 1
    build.dueAt = model.now + waitMs
    build.claims = 0
  }

export const fail =
  (index: number, holder: string | null): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build === undefined) return
    const end = { status: 'failed' as const, reason: 'it does not build' }
    const outcome = await outcomeOf(store.builds.finish(build.id, holder, end, model.now))
    const mayEnd = holder === null ? !isHeld(model, build) : build.holder === holder
    if (!mayEnd) return assert.deepEqual(outcome, { code: 'lease-lost' })
    if (!isOpen(build)) return assert.deepEqual(outcome, { code: 'invalid-transition' })
    assert.ok('value' in outcome, JSON.stringify(outcome))
    endOf(build, 'failed')
  }

export const cancel =
  (index: number): Step =>
  async (model, { store }) => {
    const build = buildAt(model, index)
    if (build === undefined) return
    const outcome = await outcomeOf(store.builds.requestCancel(build.id, 'alice', model.now))
    if (!isOpen(build)) return assert.deepEqual(outcome, { code: 'conflict' })
    build.isCancelAsked = true
    if (!isHeld(model, build)) endOf(build, 'cancelled')
    assert.equal('value' in outcome ? outcome.value.status : outcome.code, build.status)
  }

export const wait =
  (ms: number): Step =>
  async (model) => {
    model.now += ms
  }
