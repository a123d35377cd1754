import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { NewSecretVersion, Store } from '@slipway/domain'
import { specOf } from '@slipway/testing'
import { claimed, deploying, queued, shop, wanted } from './scene.ts'

/** Ciphertexts are only texts here. */
export function versionOf(text: string, keys = ['password']): NewSecretVersion {
  return { versionId: randomUUID(), keys, ciphertext: text, keyId: 'k1' }
}

export function put(store: Store, ownerId: string, name: string, text: string, now = 1) {
  return store.secrets.put({ ownerId, name, version: versionOf(text), by: 'alice' }, now)
}

export async function aliceOf(store: Store): Promise<string> {
  const { ownerId } = await store.repositories.connect('github', shop, 0)
  return ownerId ?? ''
}

/** Brings a commit live whose function `hello` uses these secrets. */
export async function liveWith(store: Store, commit: string, secrets: string[], names = ['hello'], repository = shop) {
  const claim = await deploying(store, commit, names, repository)
  const asked = names.map((name) => wanted(claim, name, { spec: specOf(name, { secrets }) }))
  const deployments = await store.deployments.prepare(claim.build.id, 'd', asked, 0)
  const change = { deploymentIds: deployments.map(({ id }) => id), keep: names, finish: true, pause: false }
  assert.ok((await store.deployments.switchLive(claim.build.id, 'd', change, 0)).isSwitched)
  return { claim, deployments }
}

/** A build that is being built by `w`. */
export async function building(store: Store, commit: string, repository = shop) {
  const build = await queued(store, commit, { repository })
  return (await claimed(store, build.id)).build
}

/** The build `w` holds goes live without functions. */
export async function publish(store: Store, buildId: string, finish = true) {
  await store.builds.handOver(buildId, 'w', 5)
  assert.ok(await store.builds.claimDeploy(buildId, 'd', 1000, 5))
  const change = { deploymentIds: [], keep: [], finish, pause: false }
  await store.deployments.switchLive(buildId, 'd', change, 6)
}
