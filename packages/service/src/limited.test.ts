import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { limited } from './limited.ts'

const never = new AbortController().signal
const limit = { what: 'pushing the image', ms: 200, setting: 'PUSH_TIMEOUT_MS' }

test('a step that ends in time is its result, one that fails its own failure', async () => {
  assert.equal(await limited({ ...limit, ms: 10_000 }, never, async () => 'done'), 'done')
  const failure = new Failure('forbidden', 'no')
  await assert.rejects(
    limited({ ...limit, ms: 10_000 }, never, async () => Promise.reject(failure)),
    (err) => err === failure
  )
})

test('a step that takes too long is ended, and tried again: the message names it, the time and the setting', async () => {
  let isEnded = false
  const work = async (signal: AbortSignal) => {
    await sleep(60_000, undefined, { signal }).catch(() => {})
    isEnded = true
  }
  await assert.rejects(limited(limit, never, work), (err) => {
    assert.ok(err instanceof Failure)
    assert.equal(err.message, 'pushing the image took longer than 0.2 s, the limit that PUSH_TIMEOUT_MS sets')
    return err.retry && err.fault === 'ours'
  })
  await sleep(5)
  assert.equal(isEnded, true)
})

test('a step that does not listen is left behind', async () => {
  const kept = sleep(2000, undefined, { ref: false })
  await assert.rejects(
    limited(limit, never, () => kept),
    /PUSH_TIMEOUT_MS/
  )
})

test('who gives up gets the own reason, before and while it runs', async () => {
  const reason = new Failure('cancelled', 'enough')
  await assert.rejects(
    limited(limit, AbortSignal.abort(reason), async () => {}),
    (err) => err === reason
  )
  const stop = new AbortController()
  const running = limited({ ...limit, ms: 10_000 }, stop.signal, (signal) => sleep(60_000, undefined, { signal }))
  stop.abort(reason)
  await assert.rejects(running, (err) => err === reason)
})

test('a step that is done leaves no timer of its limit behind', async () => {
  const open = new Set<number>()
  const hook = createHook({
    init: (id, type) => void (type === 'Timeout' && open.add(id)),
    destroy: (id) => void open.delete(id)
  }).enable()
  for (let i = 0; i < 20; i++) await limited({ ...limit, ms: 1_800_000 }, never, async () => 'done')
  await sleep(1)
  hook.disable()
  assert.ok(open.size <= 1, `${open.size} timers`)
})
