import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Build, type LogChunk, pinnedReference, type Store } from '@slipway/domain'
import { imageOf } from '@slipway/testing'
import { claimed, delivery, deploying, push, queued, wanted } from './scene.ts'
import { commitOf, failure, firstPage, type Subject } from './subject.ts'
import { bringLive, upload } from './uploads.ts'

const signal = new AbortController().signal
const line: Omit<LogChunk, 'seq'> = { at: 1, step: 'build', functionName: null, stream: 'stdout', text: 'x' }

/** Brings the next version of `hello` live, with an image of its own; the former one has ended. */
async function version(store: Store, commit: string, character: string, now: number) {
  const claim = await deploying(store, commit, ['hello'], undefined, now)
  const image = imageOf('hello', character)
  const [made] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'hello', { image })], now)
  assert.ok(made !== undefined)
  const change = { deploymentIds: [made.id], keep: ['hello'], finish: true, pause: false }
  const { drained } = await store.deployments.switchLive(claim.build.id, 'd', change, now)
  for (const { id } of drained) await store.deployments.end(id, 'ended', null, now)
  await store.images.save(claim.build.ownerId, `key-${character}`, image, now)
  return { build: claim.build, deployment: made, image }
}

async function ended(store: Store, commit: string, now: number, logLines = 0) {
  const build = await queued(store, commit, {}, now)
  await store.logs.append(
    build.id,
    Array.from({ length: logLines }, () => line)
  )
  await claimed(store, build.id, 'w', now)
  await store.builds.finish(build.id, 'w', { status: 'failed', reason: 'x' }, now)
  return build
}

export function retentionContract({ name, database }: Subject): void {
  test(`${name}: old logs go, in batches; those of the last builds and of one that runs stay`, async (t) => {
    const store = await (await database(t)).open()
    const long = await ended(store, '1', 10, 2500)
    const short = await ended(store, '2', 20, 1)
    const last = await ended(store, '3', 30, 1)
    const running = await queued(store, '4', {}, 5)
    await store.logs.append(running.id, [line])
    const rule = { olderThan: 1000, keepLast: 2, keepMost: 100 }
    assert.equal(await store.retention.removeLogs(rule, signal), 2)
    const left = async (id: string) => (await store.logs.read(id, 0, 9)).length
    assert.deepEqual(await Promise.all([long, short, last, running].map(({ id }) => left(id))), [0, 0, 1, 1])
    assert.equal((await store.builds.get(long.id))?.status, 'failed', 'the build itself stays')
    assert.equal(await store.retention.removeLogs(rule, signal), 0)
    await store.logs.append(long.id, [line])
    assert.equal((await store.logs.read(long.id, 0, 9))[0]?.seq, 2501, 'numbers go on')
  })

  test(`${name}: beyond a number they go whatever their age, and a young one of few stays`, async (t) => {
    const store = await (await database(t)).open()
    const builds = []
    for (let i = 1; i <= 5; i++) builds.push(await ended(store, String(i), 100 + i, 1))
    assert.equal(await store.retention.removeLogs({ olderThan: 0, keepLast: 1, keepMost: 3 }, signal), 2)
    assert.equal(await store.retention.removeLogs({ olderThan: 105, keepLast: 1, keepMost: 3 }, signal), 2)
    assert.equal(await store.retention.removeBuilds({ olderThan: 0, keepLast: 0, keepMost: 4 }, signal), 1)
    assert.equal(await store.builds.get(builds[0]?.id ?? ''), null)
    assert.notEqual(await store.builds.get(builds[1]?.id ?? ''), null)
  })

  test(`${name}: old builds go with their functions and what was said of them, unless something leads to them`, async (t) => {
    const store = await (await database(t)).open()
    const [former, live] = [await version(store, '1', 'a', 10), await version(store, '2', 'b', 20)]
    const failed = await ended(store, '3', 30, 3)
    const observed = await queued(store, '4', {}, 40)
    await claimed(store, observed.id, 'w', 40)
    await store.builds.observe(observed.id, 'w', 40)
    await store.builds.finish(observed.id, 'w', { status: 'failed', reason: 'x' }, 40)
    const running = await queued(store, '5', {}, 50)
    const status = { context: 'slipway/stack', state: 'failed', description: 'x', externalId: null } as const
    await store.reports.saveSent(failed.repositoryId, failed.commit, status)
    await store.reports.saveSent(failed.repositoryId, running.commit, status)
    const rule = { olderThan: 1000, keepLast: 0, keepMost: 100 }
    assert.equal(await store.retention.removeBuilds(rule, signal), 1)
    assert.equal(await store.builds.get(failed.id), null)
    assert.deepEqual(await store.reports.sent(failed.repositoryId, failed.commit), [])
    assert.equal((await store.reports.sent(failed.repositoryId, running.commit)).length, 1)
    for (const { id } of [former.build, live.build, observed, running])
      assert.notEqual(await store.builds.get(id), null)

    assert.equal(await store.retention.removeDeployments({ olderThan: 1000, keepLast: 0 }, signal), 1)
    assert.equal(await store.retention.removeBuilds(rule, signal), 1, 'the build of the former deployment may go now')
    assert.notEqual(await store.builds.get(live.build.id), null)
    assert.equal((await store.functions.routes()).length, 1)
  })

  test(`${name}: of former deployments the last ones stay for rollbacks, and one that a rollback waits for`, async (t) => {
    const store = await (await database(t)).open()
    const versions = []
    for (const [i, character] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      versions.push(await version(store, String(i + 1), character, 10 * (i + 1)))
    }
    const [first, second, third, fourth, live] = versions.map(({ deployment }) => deployment.id)
    await store.builds.queueRollback(first ?? '', 'somebody', 60)
    assert.equal(await store.retention.removeDeployments({ olderThan: 35, keepLast: 2 }, signal), 1)
    const left = (await store.deployments.list(null, {}, firstPage)).map(({ id }) => id)
    assert.deepEqual(new Set(left), new Set([first, third, fourth, live]))
    assert.ok(!left.includes(second ?? ''))
  })

  test(`${name}: what images were deployed as goes with all of it once it is long out of service, and nothing else does`, async (t) => {
    const store = await (await database(t)).open()
    const { id: ownerId } = await store.owners.add('alice', 1)
    const deploy = async (folder: string, fn: string, now: number) => {
      const { build } = await upload(store, ownerId, 'a', now, folder)
      assert.ok(await bringLive(store, build, [fn], now))
      await store.logs.append(build.id, [line])
      return build
    }
    const outOfService = async ({ repositoryId }: Build, fn: string, now: number) => {
      await store.repositories.setRemoved(repositoryId, now)
      await store.functions.remove(ownerId, fn, now)
      for (const { id, status } of await store.deployments.list(null, { functionName: fn }, firstPage)) {
        if (status === 'draining') await store.deployments.end(id, 'ended', null, now)
      }
    }
    const old = await deploy('image.old', 'old', 10)
    const young = await deploy('image.young', 'young', 20)
    const back = await deploy('image.back', 'back', 30)
    const folder = await deploy('folder', 'kept', 40)
    await deploy('image.live', 'live', 50)
    await outOfService(old, 'old', 100)
    await outOfService(young, 'young', 200)
    await outOfService(back, 'back', 100)
    await outOfService(folder, 'kept', 100)
    const again = await upload(store, ownerId, 'b', 110, 'image.back')
    assert.equal(await store.retention.removeImageFolders(150, signal), 1)
    const left = (await store.repositories.list(ownerId, firstPage)).map((one) => one.name)
    assert.deepEqual(left.toSorted(), ['folder', 'image.back', 'image.live', 'image.young'])
    assert.equal(await store.functions.get(ownerId, 'old'), null)
    assert.equal(await store.builds.get(old.id), null)
    assert.deepEqual(await store.logs.read(old.id, 0, 9), [])
    const kept = await store.deployments.list(null, {}, firstPage)
    assert.deepEqual(kept.map((one) => one.functionName).toSorted(), ['back', 'kept', 'live', 'young'])
    assert.equal((await store.builds.get(again.build.id))?.status, 'queued')
    assert.equal((await store.functions.routes()).length, 1)
    assert.equal(await store.retention.removeImageFolders(150, signal), 0)
    // Its name is free.
    assert.ok(await deploy('image.old', 'old', 300))
  })

  test(`${name}: deliveries and audit entries go by age; an event that is still to be applied stays`, async (t) => {
    const store = await (await database(t)).open()
    const record = (id: string, event: Parameters<typeof delivery>[1], now: number) =>
      store.deliveries.record([delivery(id, event)], null, now)
    await record('1', { kind: 'owner-renamed', owner: { forgeOwnerId: '1', login: 'bob' } }, 10)
    await record('2', push(commitOf('1')), 20)
    await record('3', push(commitOf('2')), 30)
    assert.equal(await store.retention.removeDeliveries(30, signal), 1)
    assert.deepEqual(
      (await store.deliveries.list(null, firstPage)).map(({ deliveryId }) => deliveryId),
      ['3', '1']
    )
    for (let at = 0; at < 2100; at++) {
      await store.audit.append({ at, actor: 'a', action: 'b', ownerId: null, resource: 'c', detail: {} })
    }
    assert.equal(await store.retention.removeAudit(2050, signal), 2050)
    assert.equal((await store.audit.list(null, firstPage)).length, 50)
  })

  test(`${name}: an image is unused when nothing runs, builds or may go back to it, and no build took it lately`, async (t) => {
    const store = await (await database(t)).open()
    const versions = []
    for (const [i, character] of ['a', 'b', 'c'].entries()) {
      versions.push(await version(store, String(i + 1), character, 10 * (i + 1)))
    }
    const [old, former, live] = versions.map(({ image }) => image)
    assert.ok(old !== undefined && former !== undefined && live !== undefined)
    const rule = { unusedSince: 1000, keepLast: 1 }
    assert.deepEqual(await store.retention.neededImages(1), new Set([former, live].map(pinnedReference)))
    assert.deepEqual(await store.retention.unusedImages(rule), [old])
    assert.deepEqual(await store.retention.unusedImages({ ...rule, unusedSince: 10 }), [])
    assert.equal((await store.retention.unusedImages({ ...rule, keepLast: 0 })).length, 2)

    const ownerId = versions[0]?.build.ownerId ?? ''
    assert.deepEqual(await store.images.find(ownerId, 'key-a', 1500), old, 'a build takes it again')
    assert.equal(await store.retention.takeImage(old, rule, 1600), false)
    assert.deepEqual(await store.retention.unusedImages(rule), [])
    assert.equal(await store.retention.takeImage(former, rule, 1600), false, 'it is kept for a rollback')
  })

  test(`${name}: an image that is being removed is found no more, nor stored again until that is over`, async (t) => {
    const store = await (await database(t)).open()
    const { build, image: old } = await version(store, '1', 'a', 10)
    await version(store, '2', 'b', 20)
    const rule = { unusedSince: 1000, keepLast: 0 }
    assert.equal(await store.retention.takeImage(old, rule, 2000), true)
    assert.equal(await store.images.find(build.ownerId, 'key-a', 2000), null)
    assert.equal(await store.retention.takeImage(old, rule, 2001), false, 'somebody else removes it')
    const save = (now: number) => store.images.save(build.ownerId, 'key-a', old, now)
    await assert.rejects(save(3000), failure('unavailable', /being removed/))
    assert.equal(
      await store.retention.takeImage(old, rule, 100_000),
      true,
      'a removal that was cut short is done again'
    )
    await store.retention.forgetImage(old)
    assert.deepEqual(await store.retention.unusedImages(rule), [])
    await save(100_001)
    assert.deepEqual(await store.images.find(build.ownerId, 'key-a', 100_002), old)
  })

  test(`${name}: a removal that is stopped has done whole batches, and goes on the next time`, async (t) => {
    const store = await (await database(t)).open()
    for (let at = 0; at < 3; at++) {
      await store.audit.append({ at, actor: 'a', action: 'b', ownerId: null, resource: 'c', detail: {} })
    }
    await assert.rejects(store.retention.removeAudit(10, AbortSignal.abort(new Error('stop'))), /stop/)
    assert.equal(await store.retention.removeAudit(10, signal), 3)
  })
}
