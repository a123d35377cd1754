import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '@slipway/machine'
import type { Producer } from '@slipway/queue'
import { pushOf, seedPush } from '@slipway/testing'
import { createDispatcher } from './dispatcher.ts'
import { createScene } from './forge.fixture.ts'

const commit = (i: number) => String(i).padStart(40, 'a')

test('with two slots, an owner with fifty pushes waiting and another with one, that one is the next to start', async (t) => {
  const { store, now, opened, logger } = await createScene(t)
  const jobs: string[] = []
  const take: Producer<'build'> = {
    async enqueue(_id, { buildId }) {
      jobs.push(buildId)
    },
    close: () => Promise.resolve()
  }
  const limits = { slots: 2, perOwner: 2, redispatchMs: 60_000 }
  const ids: string[] = []
  for (let i = 0; i < 50; i++) {
    const push = pushOf(commit(i))
    const repository = { ...push.repository, forgeRepositoryId: String(100 + i), fullName: `alice/r${i}` }
    ids.push(await seedPush(store, { ...push, repository }, now()))
  }
  const dispatcher = createDispatcher({
    builds: store.builds,
    isLeader: () => true,
    producers: { build: take, deploy: take },
    limits,
    now,
    logger
  })
  opened.push(dispatcher)
  await waitFor(() => jobs.length === 2, { timeoutMs: 20_000, what: 'both slots to be taken' })
  const bobs = { forgeRepositoryId: '9', fullName: 'bob/blog', owner: { forgeOwnerId: '2', login: 'bob' } }
  const push = pushOf(commit(99))
  const single = await seedPush(store, { ...push, repository: { ...push.repository, ...bobs } }, now())
  dispatcher.wake()
  const [first = ''] = jobs
  await store.builds.claim(first, 'w', 60_000, now())
  await store.builds.finish(first, 'w', { status: 'failed', reason: null }, now())
  dispatcher.wake()
  await waitFor(() => jobs.length === 3, { timeoutMs: 20_000, what: 'the next job' })
  assert.deepEqual(jobs, [ids[0], ids[1], single])
})
