import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pushOf, seedPush } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

test('the administrator sees the queue, in words and for programs', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  assert.match((await slipway('admin', 'queue')).stdout, /^0 of 1 slots are taken, 0 wait$/m)
  await seedPush(store, pushOf(commits.a), Date.now())
  const shown = await slipway('admin', 'queue')
  assert.match(shown.stdout, /^0 of 1 slots are taken, 1 waits$/m, shown.stderr)
  assert.match(shown.stdout, /^next: alice \(1 waiting, 0 of 1\)$/m)
  assert.match(shown.stdout, /^1 +\S+ +alice\/shop +main +aaaaaaa +\S+ s ago +it is next$/m)
  const { waiting } = JSON.parse((await slipway('admin', 'queue', '--json')).stdout) as { waiting: { turn: number }[] }
  assert.deepEqual(
    waiting.map(({ turn }) => turn),
    [1]
  )
})
