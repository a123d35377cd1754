import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTransition, type BuildStatus, isTerminal } from './build.ts'
import { assertDeploymentTransition } from './deployment.ts'
import { Failure } from './failure.ts'

const invalid = (err: unknown) => err instanceof Failure && err.code === 'invalid-transition'

test('an ended build stays ended', () => {
  const ends: BuildStatus[] = ['live', 'failed', 'error', 'superseded', 'cancelled', 'skipped']
  for (const from of ends) {
    assert.ok(isTerminal(from))
    for (const to of ['queued', 'building', 'deploying', 'live'] as const)
      assert.throws(() => assertTransition(from, to), invalid, `${from} ${to}`)
  }
})

test('a build goes live only from its roll-out', () => {
  assert.doesNotThrow(() => assertTransition('deploying', 'live'))
  for (const from of ['queued', 'building'] as const) assert.throws(() => assertTransition(from, 'live'), invalid, from)
})

test('a stopped worker can give a build back', () => {
  assert.doesNotThrow(() => assertTransition('building', 'queued'))
})

test('a failed deployment never takes traffic', () => {
  assert.throws(() => assertDeploymentTransition('failed', 'live'), invalid)
  assert.throws(() => assertDeploymentTransition('ended', 'live'), invalid)
  assert.doesNotThrow(() => assertDeploymentTransition('ended', 'starting'))
})
