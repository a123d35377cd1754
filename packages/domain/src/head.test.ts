import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  errorBackoffMs,
  judgeHead,
  judgeSeenHead,
  type RefKnowledge,
  type RefObservation,
  type SeenBuild,
  settledHeadMs
} from './head.ts'

const now = 1_000_000_000
const a = 'a'.repeat(40)
const b = 'b'.repeat(40)
const c = 'c'.repeat(40)
const push = (commit: string, before: string | null) => ({
  id: `build-${commit[0]}`,
  commit,
  before,
  trigger: 'push' as const,
  createdAt: now - 1000
})
const seen = (commit: string, buildStatus: RefObservation['buildStatus'] = 'live'): RefObservation => ({
  commit,
  generation: 1,
  buildId: `seen-${commit[0]}`,
  buildStatus
})

test('the head is built', () => {
  assert.equal(judgeHead(push(b, a), b, null, now), 'go-on')
  assert.equal(judgeHead(push(b, a), b, seen(a), now), 'go-on')
})

test('a forge that still names the commit before the push is asked again', () => {
  assert.equal(judgeHead(push(b, a), a, seen(a), now), 'ask-again')
  assert.equal(judgeHead(push(b, a), a, null, now), 'ask-again')
  assert.equal(judgeHead(push(b, null), null, null, now), 'ask-again')
})

test('a push whose commit the forge does not show after a minute was taken back', () => {
  const late = { ...push(b, a), createdAt: now - settledHeadMs }
  assert.equal(judgeHead(late, a, seen(a), now), 'superseded')
  assert.equal(judgeHead({ ...push(b, null), createdAt: late.createdAt }, null, null, now), 'gone')
})

test('going back to the commit before is no staleness once something later was seen', () => {
  assert.equal(judgeHead(push(b, a), a, seen(c), now), 'superseded')
})

test('a commit that is not the head gives way to it', () => {
  assert.equal(judgeHead(push(a, null), c, null, now), 'superseded')
  assert.equal(judgeHead(push(b, a), null, seen(c), now), 'gone')
})

test('a force push back to an older commit is built', () => {
  assert.equal(judgeHead(push(a, b), a, seen(b), now), 'go-on')
})

test('a second push event of a commit that is live or failed does nothing', () => {
  assert.equal(judgeHead(push(b, a), b, seen(b), now), 'duplicate')
  assert.equal(judgeHead(push(b, a), b, seen(b, 'failed'), now), 'duplicate')
})

test('a resume builds its commit again, and gives way to a newer head', () => {
  const resume = { ...push(b, null), trigger: 'resume' as const }
  assert.equal(judgeHead(resume, b, seen(b), now), 'go-on')
  assert.equal(judgeHead(resume, c, seen(b), now), 'superseded')
})

test('a commit whose build ended by a fault of ours is built again', () => {
  assert.equal(judgeHead(push(b, a), b, seen(b, 'error'), now), 'go-on')
})

test('a build that is taken up again does not take itself for a duplicate', () => {
  assert.equal(judgeHead({ ...push(b, a), id: 'seen-b' }, b, seen(b, 'building'), now), 'go-on')
})

test('a rebuild is built, head or not', () => {
  assert.equal(judgeHead({ ...push(a, null), trigger: 'rebuild' }, c, seen(c), now), 'go-on')
})

const ended = (status: SeenBuild['status'], change: Partial<SeenBuild> = {}): SeenBuild => ({
  buildId: 'ended',
  status,
  isCancelAsked: false,
  startedAt: 0,
  finishedAt: 0,
  ...change
})
const knowing = (change: Partial<RefKnowledge>): RefKnowledge => ({
  observation: { commit: a, ...ended('live') },
  ended: null,
  isUnderWay: false,
  isEarlierCommit: false,
  isPaused: false,
  isAutomatic: true,
  errors: 0,
  ...change
})
const course = (head: string, change: Partial<RefKnowledge> = {}, now = 1e9) =>
  judgeSeenHead(head, knowing(change), now).course

test('a head that differs from what was observed is queued, whatever happened to that commit before', () => {
  assert.equal(course(b), 'queue')
  assert.equal(course(b, { observation: null }), 'queue')
  assert.equal(course(b, { isEarlierCommit: true }), 'queue')
  assert.equal(course(b, { ended: ended('superseded') }), 'queue')
  assert.equal(course(b, { ended: ended('live') }), 'queue', 'a rebuild of it says nothing about the head')
})

test('a head that was observed is left alone, however its build ended', () => {
  for (const status of ['live', 'failed', 'skipped', 'superseded'] as const) {
    assert.equal(course(a, { observation: { commit: a, ...ended(status) } }), 'nothing', status)
  }
  const cancelled = { commit: a, ...ended('cancelled', { isCancelAsked: true }) }
  assert.equal(course(a, { observation: cancelled }), 'nothing')
})

test('what ended before the head was looked at counts as observed, if it is not tried again by itself', () => {
  for (const status of ['skipped', 'failed', 'error'] as const) {
    const decided = judgeSeenHead(b, knowing({ ended: ended(status), errors: 1 }), 1)
    assert.deepEqual(decided, { course: 'note', buildId: 'ended' }, status)
  }
  assert.equal(course(b, { ended: ended('cancelled', { isCancelAsked: true }) }), 'note')
})

test('what was stopped with its installation goes on with it', () => {
  assert.equal(course(b, { ended: ended('cancelled') }), 'queue')
  assert.equal(course(a, { observation: { commit: a, ...ended('cancelled') } }), 'queue')
})

test('an error is tried again after its back-off, which grows', () => {
  assert.deepEqual([1, 2, 3, 9].map(errorBackoffMs), [600_000, 1_200_000, 2_400_000, 21_600_000])
  const observation = { commit: a, ...ended('error', { finishedAt: 1000 }) }
  assert.equal(course(a, { observation, errors: 1 }, 600_999), 'nothing')
  assert.equal(course(a, { observation, errors: 1 }, 601_000), 'queue')
  assert.equal(course(a, { observation, errors: 2 }, 601_000), 'nothing')
  const later = ended('error', { finishedAt: 500_000 })
  assert.equal(course(a, { observation, ended: later, errors: 1 }, 700_000), 'nothing', 'the last try counts')
  assert.equal(course(a, { observation, ended: ended('live'), errors: 1 }, 1e12), 'nothing', 'a rebuild mended it')
})

test('times that a clock wrote before it was set back hold nothing up', () => {
  const future = { startedAt: 2000, finishedAt: 2000 }
  assert.equal(course(a, { observation: { commit: a, ...ended('error', future) }, errors: 1 }, 1000), 'queue')
  assert.equal(
    course(a, { observation: { commit: b, ...ended('live', future) }, isEarlierCommit: true }, 1000),
    'queue'
  )
})

test('nothing is queued beside a build that is under way, nor where everything is paused', () => {
  assert.equal(course(b, { isUnderWay: true }), 'nothing')
  assert.equal(course(b, { isPaused: true }), 'nothing')
})

test('right after a build an earlier commit is taken for a stale answer, and for a revert when it stays', () => {
  const observation = { commit: b, ...ended('live', { startedAt: 1000 }) }
  assert.equal(course(a, { observation, isEarlierCommit: true }, 15_999), 'nothing')
  assert.equal(course(a, { observation, isEarlierCommit: true }, 16_000), 'queue')
  assert.equal(course(c, { observation }, 1001), 'queue', 'a commit that was never seen is no stale answer')
})

test('while automatic deploys are off a new head is shown as skipped, once, and nothing is tried again', () => {
  const off = { isAutomatic: false }
  assert.equal(course(b, off), 'skip')
  assert.equal(course(b, { ...off, observation: null }), 'skip')
  assert.equal(course(b, { ...off, ended: ended('cancelled') }), 'skip', 'what a stop of the installation had ended')
  assert.equal(course(b, { ...off, ended: ended('skipped') }), 'note')
  assert.equal(course(a, off), 'nothing')
  assert.equal(course(b, { ...off, isUnderWay: true }), 'nothing')
  const failed = { commit: a, ...ended('error', { finishedAt: 1000 }) }
  assert.equal(course(a, { ...off, observation: failed, errors: 1 }, 1e12), 'nothing')
  assert.equal(course(a, { ...off, observation: { commit: a, ...ended('cancelled') } }), 'nothing')
})
