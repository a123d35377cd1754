import assert from 'node:assert/strict'
import { Failure, type FailureCode, type Store } from '@slipway/domain'
import { forgeRepository } from '../contract/scene.ts'
import type { Model } from './model.fixture.ts'

/** The store, and the repository of its own that a sequence works on. */
export interface Real {
  store: Store
  repositoryId: string
  ownerId: string
  ownerSlug: string
}

export const commitId = (commit: string) => commit.repeat(40)

let sequences = 0

export async function createReal(store: Store): Promise<Real> {
  sequences += 1
  const found = forgeRepository(`owner-${sequences}/shop`, sequences, sequences)
  const { id: repositoryId, ownerId } = await store.repositories.connect('github', found, 0)
  assert.ok(ownerId !== null)
  return { store, repositoryId, ownerId, ownerSlug: `owner-${sequences}` }
}

/** What came of a call: what it returned, or the code of its Failure. */
export async function outcomeOf<T>(work: Promise<T>): Promise<{ value: T } | { code: FailureCode }> {
  try {
    return { value: await work }
  } catch (err) {
    if (err instanceof Failure) return { code: err.code }
    throw err
  }
}

/** Compares everything that the model knows with what the store says. */
export async function assertSame(model: Model, { store, repositoryId, ownerId }: Real): Promise<void> {
  const page = { before: null, limit: 500 }
  const builds = (await store.builds.list(null, { repositoryId }, page)).toReversed()
  assert.deepEqual(
    builds.map(({ id, status, generation, attempt, trigger }) => ({ id, status, generation, attempt, trigger })),
    model.builds.map(({ id, status, generation, attempt, trigger }) => ({ id, status, generation, attempt, trigger }))
  )
  const deployments = await store.deployments.list(ownerId, {}, page)
  const byId = new Map(deployments.map((one) => [one.id, [one.functionName, one.generation, one.status]]))
  assert.deepEqual(
    byId,
    new Map(model.deployments.map((one) => [one.id, [one.functionName, one.generation, one.status]]))
  )
  const functions = await store.functions.list(ownerId, {}, page)
  assert.deepEqual(
    new Map(
      functions.map((fn) => [fn.name, { live: fn.liveDeploymentId, generation: fn.generation, isPaused: fn.isPaused }])
    ),
    model.functions
  )
  for (const { name, liveDeploymentId } of functions) {
    const live = deployments.filter((one) => one.functionName === name && one.status === 'live')
    assert.deepEqual(
      live.map(({ id }) => id),
      liveDeploymentId === null ? [] : [liveDeploymentId],
      `${name} has one live deployment`
    )
  }
}
