import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRolling } from './rolling.ts'

test('three rolling restarts of every service fail no call and lose no push', async (t) => {
  const seed = process.env.SLIPWAY_TEST_SEED ?? 1
  const { problems, figures } = await runRolling({ seed, rounds: 3, repositories: 4, settleMs: 120_000 }, (line) =>
    t.diagnostic(line)
  )
  for (const figure of figures) t.diagnostic(figure)
  assert.deepEqual(problems, [])
})
