import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from './failure.ts'
import { assertWithin, defaultLimits, limitsFor, limitText, usedBy, useOf } from './limits.ts'

const mebibyte = 1024 ** 2
const limits = limitsFor(defaultLimits, { functions: 2, 'memory-mb': 512 })

function refusal(before: object, after: object): string | null {
  try {
    assertWithin('alice', limits, before, after)
    return null
  } catch (err) {
    assert.ok(err instanceof Failure)
    assert.equal(err.code, 'limit-exceeded')
    return err.message
  }
}

test('what functions have together is what each of their replicas may take', () => {
  const used = usedBy([
    useOf(2, { limits: { memoryBytes: 128 * mebibyte, cpuMillis: 500 }, annotations: {} }),
    useOf(1, {
      limits: { memoryBytes: mebibyte / 2, cpuMillis: 100 },
      annotations: { topic: 'cron-function', schedule: '@daily; @hourly' }
    })
  ])
  assert.deepEqual(used, { functions: 2, replicas: 3, 'memory-mb': 257, 'cpu-millis': 1100, schedules: 2 })
})

test('what is within a limit or has none is let through, what grows beyond is refused with both numbers and who raises it', () => {
  assert.equal(refusal({ functions: 1 }, { functions: 2 }), null)
  assert.equal(refusal({ replicas: 1 }, { replicas: 1000 }), null)
  assert.equal(
    refusal({ functions: 2 }, { functions: 3 }),
    'functions: alice would have 3, and may have 2 (functions); an administrator raises it: slipway admin limits alice functions=3'
  )
  assert.match(
    refusal({ 'memory-mb': 512 }, { 'memory-mb': 513 }) ?? '',
    /have 513 MiB, and may have 512 MiB \(memory-mb\)/
  )
})

test('what is over a lowered limit already may stay as it is and shrink', () => {
  assert.equal(refusal({ functions: 5 }, { functions: 5 }), null)
  assert.equal(refusal({ functions: 5 }, { functions: 4 }), null)
  assert.notEqual(refusal({ functions: 5 }, { functions: 6 }), null)
})

test('what is set for an owner goes over the default, also when it takes the limit away', () => {
  assert.equal(limitsFor(defaultLimits, { 'memory-mb-per-function': null })['memory-mb-per-function'], null)
  assert.equal(limitsFor(defaultLimits, {})['memory-mb-per-function'], 1024)
  assert.equal(limitText('storage-mb', null), 'no limit')
  assert.equal(limitText('cpu-millis', 500), '500m')
})
