import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure, type ForgeApi } from '@slipway/domain'
import { pushOf, seedPush } from '@slipway/testing'
import { commits, createDeployerForTest, logger, never, now } from './deployer.fixture.ts'
import { createUnknownRepositories } from './unknown-repositories.ts'

test('repositories that cannot be looked up wait ever longer, and stand in nobody’s way', async (t) => {
  const { store } = await createDeployerForTest(t)
  let time = 1000
  const hear = async (id: string) => {
    const repository = { ...pushOf(commits.a).repository, forgeRepositoryId: id, name: `r${id}`, fullName: `a/r${id}` }
    await seedPush(store, pushOf(commits.a, { repository: { ...repository, owner: null } }), time)
  }
  for (let id = 1; id <= 30; id += 1) await hear(String(id))
  await hear('good')
  const asked: string[] = []
  const findRepository: ForgeApi['findRepository'] = async ({ forgeRepositoryId: id }) => {
    asked.push(id)
    if (id !== 'good') throw new Failure('unavailable', 'the forge does not answer')
    const { repository } = pushOf(commits.a)
    const owner = { forgeOwnerId: '1', login: 'alice' }
    return {
      ...repository,
      forgeRepositoryId: id,
      name: 'good',
      fullName: 'alice/good',
      owner,
      isArchived: false,
      connection: 'unknown'
    }
  }
  let queued = 0
  const resolve = createUnknownRepositories({
    store,
    forges: new Map([['github', { findRepository, identity: async () => 'app/1' }]]),
    queued: () => {
      queued += 1
    },
    now,
    monotonicNow: () => time,
    logger
  })
  await resolve(never)
  assert.equal(asked.length, 20)
  await resolve(never)
  assert.deepEqual([asked.length, asked.at(-1), queued], [31, 'good', 1])
  await resolve(never)
  assert.equal(asked.length, 31, 'all others wait')
  time += 1200
  await resolve(never)
  await resolve(never)
  assert.equal(asked.length, 61, 'after a second all are tried once more')
  time += 1200
  await resolve(never)
  assert.equal(asked.length, 61, 'and then after two')
})
