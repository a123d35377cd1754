import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitFor } from '@slipway/machine'
import { commits } from './deployer.fixture.ts'
import { createScene } from './forge.fixture.ts'
import { createOverrides } from './overrides.ts'

const { a, b, c } = commits
const ref = 'refs/heads/main'

/** A build of `a` runs, and one of `b` waits. */
async function createForTest(t: TestContext, policy: 'wait' | 'override') {
  const scene = await createScene(t)
  const { repository, store, now, common, opened } = scene
  const { id: repositoryId } = await repository(1, a)
  await store.repositories.updateSettings(repositoryId, { policy })
  const queue = (commit: string) => {
    const asked = { repositoryId, ref, commit, before: null, trigger: 'push' as const, message: null, sender: null }
    return store.builds.queue({ ...asked, noCache: false }, now())
  }
  const running = await queue(a)
  await store.builds.claim(running.id, 'w', 60_000, now())
  await queue(b)
  const stopped: string[] = []
  const begin = () => {
    const overrides = createOverrides({ ...common, stop: (buildId) => stopped.push(buildId) })
    opened.push(overrides)
    return overrides
  }
  return { ...scene, running, stopped, begin, queue }
}

test('a running build is stopped as soon as the forge says that its branch has moved on', async (t) => {
  const { begin, stopped, running, state, store, now, pass } = await createForTest(t, 'override')
  const overrides = begin()
  await waitFor(() => state.calls.length === 1, { timeoutMs: 20_000 })
  await sleep(20)
  assert.deepEqual(stopped, [], 'a delivery alone may be late: the head is still what is built')
  state.heads.set('1 refs/heads/main', b)
  pass(500)
  overrides.wake()
  await waitFor(() => stopped.length === 1, { timeoutMs: 20_000, what: 'the stop' })
  assert.deepEqual(stopped, [running.id])
  assert.equal((await store.builds.renew(running.id, 'w', 1000, now())).isCancelled, true)
})

test('a head that nobody waits for, and the policy wait, stop nothing', async (t) => {
  const { begin, stopped, state } = await createForTest(t, 'override')
  state.heads.set('1 refs/heads/main', c)
  begin()
  await waitFor(() => state.calls.length === 1, { timeoutMs: 20_000 })
  await sleep(20)
  assert.deepEqual(stopped, [])
  const waits = await createForTest(t, 'wait')
  waits.state.heads.set('1 refs/heads/main', b)
  waits.begin()
  await sleep(50)
  assert.deepEqual([waits.stopped, waits.state.calls], [[], []])
})

test('the forge is asked ever less often about a build that goes on, and at once when something newer waits', async (t) => {
  const { begin, state, pass, queue } = await createForTest(t, 'override')
  const overrides = begin()
  await waitFor(() => state.calls.length === 1, { timeoutMs: 20_000 })
  for (let i = 0; i < 20; i++) {
    pass(500)
    overrides.wake()
    await sleep(5)
  }
  assert.ok(state.calls.length >= 3 && state.calls.length <= 6, `${state.calls.length} calls in ten seconds`)
  const before = state.calls.length
  await queue(c)
  overrides.wake()
  await waitFor(() => state.calls.length === before + 1, { timeoutMs: 20_000 })
})
