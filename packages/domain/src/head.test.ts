import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeHead, type RefObservation } from './head.ts'

const a = 'a'.repeat(40)
const b = 'b'.repeat(40)
const c = 'c'.repeat(40)
const push = (commit: string, before: string | null) => ({
  id: `build-${commit[0]}`,
  commit,
  before,
  trigger: 'push' as const
})
const seen = (commit: string, buildStatus: RefObservation['buildStatus'] = 'live'): RefObservation => ({
  commit,
  generation: 1,
  buildId: `seen-${commit[0]}`,
  buildStatus
})

test('the head is built', () => {
  assert.equal(judgeHead(push(b, a), b, null), 'go-on')
  assert.equal(judgeHead(push(b, a), b, seen(a)), 'go-on')
})

test('a forge that still names the commit before the push is asked again', () => {
  assert.equal(judgeHead(push(b, a), a, seen(a)), 'ask-again')
  assert.equal(judgeHead(push(b, a), a, null), 'ask-again')
  assert.equal(judgeHead(push(b, null), null, null), 'ask-again')
})

test('going back to the commit before is no staleness once something later was seen', () => {
  assert.equal(judgeHead(push(b, a), a, seen(c)), 'superseded')
})

test('a commit that is not the head gives way to it', () => {
  assert.equal(judgeHead(push(a, null), c, null), 'superseded')
  assert.equal(judgeHead(push(b, a), null, seen(c)), 'gone')
})

test('a force push back to an older commit is built', () => {
  assert.equal(judgeHead(push(a, b), a, seen(b)), 'go-on')
})

test('a second push event of a commit that is live or failed does nothing', () => {
  assert.equal(judgeHead(push(b, a), b, seen(b)), 'duplicate')
  assert.equal(judgeHead(push(b, a), b, seen(b, 'failed')), 'duplicate')
})

test('a commit whose build ended by a fault of ours is built again', () => {
  assert.equal(judgeHead(push(b, a), b, seen(b, 'error')), 'go-on')
})

test('a build that is taken up again does not take itself for a duplicate', () => {
  assert.equal(judgeHead({ ...push(b, a), id: 'seen-b' }, b, seen(b, 'building')), 'go-on')
})

test('a rebuild is built, head or not', () => {
  assert.equal(judgeHead({ ...push(a, null), trigger: 'rebuild' }, c, seen(c)), 'go-on')
})
