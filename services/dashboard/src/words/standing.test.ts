import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BuildView, FunctionView } from '@slipway/client'
import { standingOf } from './standing.ts'

const a = 'a'.repeat(40)
const b = 'b'.repeat(40)
const repository = { branch: null, defaultBranch: 'main', disconnectedAt: null, removedAt: null }
const build = (change: Partial<BuildView>) =>
  ({
    id: '1',
    ref: 'refs/heads/main',
    trigger: 'push',
    commit: b,
    status: 'live',
    reason: null,
    ...change
  }) as BuildView
const live = (commit: string, isPaused = false) =>
  ({ name: 'hello', isPaused, live: { commit } }) as unknown as FunctionView

test('the head is live', () => {
  assert.equal(standingOf(repository, [build({})], [live(b)]).isSame, true)
})

test('a failed head says why and can be built again', () => {
  const standing = standingOf(repository, [build({ status: 'failed', reason: 'stack.yml:1:1: no' })], [live(a)])
  assert.match(standing.words, /bbbbbbb.*is not live: its build failed, because: stack\.yml:1:1: no\./)
  assert.deepEqual([standing.isSame, standing.mend], [false, { kind: 'rebuild', buildId: '1' }])
})

test('what was rolled back is mended by resuming it', () => {
  const builds = [build({ id: '2', trigger: 'rollback', commit: a }), build({})]
  const standing = standingOf(repository, builds, [live(a, true)])
  assert.deepEqual(standing.mend, { kind: 'resume', functions: ['hello'] })
})

test('other branches do not count, and what is under way needs no mending', () => {
  const standing = standingOf(
    repository,
    [build({ ref: 'refs/heads/x', status: 'failed' }), build({ status: 'building' })],
    []
  )
  assert.match(standing.words, /is building/)
  assert.equal(standing.mend, null)
})

test('a lost repository has to be connected first', () => {
  assert.match(standingOf({ ...repository, disconnectedAt: 1 }, [build({})], []).words, /connect it again/)
})

test('a head that was left out because automatic deploys are off can be deployed, whatever is paused', () => {
  const left = build({ status: 'skipped', reason: 'automatic deploys are off' })
  const standing = standingOf(repository, [left], [live(a, true)])
  assert.match(standing.words, /bbbbbbb.*is not live, because automatic deploys are off/)
  assert.deepEqual([standing.isSame, standing.mend], [false, { kind: 'deploy', buildId: '1' }])
})
