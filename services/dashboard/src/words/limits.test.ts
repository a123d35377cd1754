import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits, limitsFor, type OwnLimits } from '@slipway/domain/limits'
import { choicesOf, limitWords, ownOf } from './limits.ts'

test('what is set for an owner is shown, and sent back as it was', () => {
  const own: OwnLimits = { functions: 5, 'memory-mb-per-function': null, builds: 3 }
  const choices = choicesOf({ limits: limitsFor(defaultLimits, own), own })
  assert.deepEqual(choices.functions, { mode: 'own', value: 5 })
  assert.equal(choices['memory-mb-per-function'].mode, 'none')
  assert.deepEqual(choices['replicas-per-function'], { mode: 'default', value: 10 })
  assert.deepEqual(ownOf(choices), own)
})

test('what becomes as for everybody again is not sent, and no limit is null', () => {
  const choices = choicesOf({ limits: limitsFor(defaultLimits, { functions: 5 }), own: { functions: 5 } })
  choices.functions.mode = 'default'
  choices.builds = { mode: 'none', value: 1 }
  assert.deepEqual(ownOf(choices), { builds: null })
})

test('limits are told with what they are counted in', () => {
  assert.deepEqual(
    [
      limitWords('memory-mb', 4096),
      limitWords('cpu-millis', 500),
      limitWords('functions', 3),
      limitWords('builds', null)
    ],
    ['4096 MiB', '500 thousandths', '3', 'no limit']
  )
})
