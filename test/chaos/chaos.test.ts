import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChaos } from './chaos.ts'

const seed = process.env.SLIPWAY_TEST_SEED ?? 1

test(`with services killed at random every push comes to its end and no call fails but by its gateway's kill (seed ${seed})`, async (t) => {
  const { problems, figures } = await runChaos(
    { seed, pushes: 44, kills: 12, durationMs: 90_000, settleMs: 150_000 },
    (line) => t.diagnostic(line)
  )
  for (const figure of figures) t.diagnostic(figure)
  assert.deepEqual(problems, [])
})
