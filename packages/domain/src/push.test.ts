import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PushEvent } from './forge.ts'
import { decidePush, productionRef } from './push.ts'

function pushOf(change: Partial<PushEvent> & { fullName?: string } = {}): PushEvent {
  const { fullName = 'alice/shop', ...rest } = change
  return {
    repository: {
      forgeRepositoryId: '1',
      name: 'shop',
      fullName,
      defaultBranch: 'main',
      isPrivate: false,
      owner: null,
      installationId: null
    },
    ref: 'refs/heads/main',
    before: null,
    commit: 'a'.repeat(40),
    isForced: false,
    message: '',
    sender: { forgeUserId: '1', login: 'alice' },
    ...rest
  }
}

test('a push to the production branch is queued', () => {
  assert.deepEqual(decidePush(pushOf(), null, null), { outcome: 'queue' })
})

test("the production branch is the setting, else the installation's, else the default", () => {
  assert.equal(productionRef({ branch: 'live', defaultBranch: 'main' }, 'prod'), 'refs/heads/live')
  assert.equal(productionRef({ branch: null, defaultBranch: 'main' }, 'prod'), 'refs/heads/prod')
  assert.equal(productionRef({ branch: null, defaultBranch: 'main' }, null), 'refs/heads/main')
})

test('what is not for us is ignored with a reason', () => {
  const cases: [PushEvent, RegExp][] = [
    [pushOf({ ref: 'refs/heads/feature/main' }), /not the production branch/],
    [pushOf({ ref: 'refs/tags/v1' }), /not a branch/],
    [pushOf({ ref: 'refs/pull/1/head' }), /not a branch/],
    [pushOf({ ref: '--upload-pack=x' }), /not a valid git ref/],
    [pushOf({ commit: null }), /deleted/],
    [pushOf({ commit: 'abc' }), /not a full object id/],
    [pushOf({ fullName: 'alice/../bob' }), /name that no forge allows/]
  ]
  for (const [push, reason] of cases) {
    const decision = decidePush(push, null, null)
    assert.ok(decision.outcome === 'ignored' && reason.test(decision.reason), JSON.stringify(decision))
  }
})

test('a disconnected or suspended repository is not built', () => {
  assert.equal(
    decidePush(
      pushOf(),
      { branch: null, disconnectedAt: 1, suspendedAt: null, isAutomatic: true, ownerStop: null },
      null
    ).outcome,
    'ask'
  )
  assert.equal(
    decidePush(
      pushOf(),
      { branch: null, disconnectedAt: null, suspendedAt: 1, isAutomatic: true, ownerStop: null },
      null
    ).outcome,
    'ignored'
  )
})

test('a push of an owner that may not build is stopped with the reason, unless it would not be built anyway', () => {
  const known = { branch: null, disconnectedAt: null, suspendedAt: null, isAutomatic: true, ownerStop: 'the bill' }
  assert.deepEqual(decidePush(pushOf(), known, null), { outcome: 'stopped', reason: 'the bill' })
  assert.equal(decidePush(pushOf({ ref: 'refs/heads/other' }), known, null).outcome, 'ignored')
  assert.equal(decidePush(pushOf({ message: '[skip ci]' }), known, null).outcome, 'skipped')
})

test('a commit message can skip the build', () => {
  for (const word of ['[skip ci]', '[CI skip]', '[skip slipway]']) {
    assert.equal(decidePush(pushOf({ message: `words ${word}` }), null, null).outcome, 'skipped', word)
  }
})

test('while automatic deploys are off a push of the production branch is skipped, whoever owns it, and others are ignored', () => {
  const known = { branch: null, disconnectedAt: null, suspendedAt: null, isAutomatic: false, ownerStop: 'the bill' }
  assert.deepEqual(decidePush(pushOf(), known, null), { outcome: 'skipped', reason: 'automatic deploys are off' })
  assert.equal(decidePush(pushOf({ ref: 'refs/heads/other' }), known, null).outcome, 'ignored')
})
