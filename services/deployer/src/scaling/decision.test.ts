import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Deployment, scalePolicyOf } from '@slipway/domain'
import { specOf } from '@slipway/testing'
import { decide, note, type Seen, seenFrom } from './decision.ts'
import type { Load } from './load.ts'

type Subject = Pick<Deployment, 'replicas' | 'isScaledByHand' | 'spec'>

function subjectOf(scale: Record<string, string>, replicas = 1): Subject {
  const labels = Object.fromEntries(Object.entries(scale).map(([name, text]) => [`com.openfaas.scale.${name}`, text]))
  return { replicas, isScaledByHand: false, spec: specOf('hello', { labels, replicas: { min: 1, max: 5 } }) }
}

/** A round every two seconds from `from` on, until something is decided. */
function watch(subject: Subject, seen: Seen, load: Load, { from, to }: { from: number; to: number }) {
  const policy = scalePolicyOf(subject.spec.labels)
  for (let at = from; at <= to; at += 2000) {
    note(seen, load, at)
    const replicas = decide(subject, policy, seen, at)
    if (replicas !== null) return { at, replicas }
  }
  return null
}

const idle = { inFlight: 0, calls: 0 }

test('as many replicas as calls a second need come as soon as that is known, and no more than may be', () => {
  // 100 a second, of which a replica is to have 45.
  const busy = { inFlight: 0, calls: 200 }
  assert.deepEqual(watch(subjectOf({ type: 'rps' }), seenFrom(0), busy, { from: 0, to: 60_000 }), {
    at: 4000,
    replicas: 3
  })
  const most = watch(subjectOf({ type: 'rps' }), seenFrom(0), { inFlight: 0, calls: 9999 }, { from: 0, to: 60_000 })
  assert.equal(most?.replicas, 5)
  assert.equal(watch(subjectOf({ type: 'rps' }, 3), seenFrom(0), busy, { from: 0, to: 600_000 }), null)
})

test('capacity looks at calls that are under way at a time', () => {
  const subject = subjectOf({ type: 'capacity', target: '10', 'target-proportion': '1' })
  assert.deepEqual(watch(subject, seenFrom(0), { inFlight: 25, calls: 0 }, { from: 0, to: 60_000 }), {
    at: 4000,
    replicas: 3
  })
})

test('replicas go when fewer were enough for the whole window, and a burst in it keeps them', () => {
  const subject = subjectOf({ type: 'rps', 'down.window': '1m' }, 4)
  assert.deepEqual(watch(subject, seenFrom(0), idle, { from: 0, to: 600_000 }), { at: 64_000, replicas: 1 })
  const seen = seenFrom(0)
  assert.equal(watch(subject, seen, idle, { from: 0, to: 40_000 }), null)
  assert.equal(watch(subject, seen, { inFlight: 0, calls: 1700 }, { from: 42_000, to: 42_000 }), null)
  const decided = watch(subject, seen, idle, { from: 44_000, to: 600_000 })
  assert.ok(decided !== null && decided.at > 100_000, JSON.stringify(decided))
})

test('an idle function goes to zero after its time, counted from its last call', () => {
  const subject = subjectOf({ zero: 'true', 'zero-duration': '30s' })
  assert.deepEqual(watch(subject, seenFrom(0), idle, { from: 0, to: 60_000 }), { at: 30_000, replicas: 0 })
  const seen = seenFrom(0)
  assert.equal(watch(subject, seen, { inFlight: 1, calls: 0 }, { from: 0, to: 100_000 }), null)
  assert.deepEqual(watch(subject, seen, idle, { from: 102_000, to: 200_000 }), { at: 130_000, replicas: 0 })
})

test('what somebody chose is left alone, and so is what has no replica', () => {
  const chosen = { ...subjectOf({ zero: 'true', 'zero-duration': '1s', type: 'rps' }, 3), isScaledByHand: true }
  assert.equal(watch(chosen, seenFrom(0), idle, { from: 0, to: 600_000 }), null)
  const busy = { inFlight: 100, calls: 1000 }
  assert.equal(watch(subjectOf({ type: 'rps' }, 0), seenFrom(0), busy, { from: 0, to: 60_000 }), null)
})
