import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BuildDetail } from '@slipway/client'
import { barsOf } from './waterfall.ts'

const none = { before: null, reason: null, nextAttemptAt: null, message: null, sender: null, commitUrl: null }
const build: BuildDetail = {
  ...none,
  id: 'b',
  owner: 'alice',
  repositoryId: 'r',
  repository: 'alice/shop',
  ref: 'refs/heads/main',
  commit: 'a'.repeat(40),
  trigger: 'push',
  status: 'building',
  generation: 1,
  attempt: 0,
  warnings: [],
  createdAt: 0,
  startedAt: 10,
  deployingAt: null,
  finishedAt: null,
  functions: [],
  failure: null,
  waitsFor: null,
  turn: null
}
const part: BuildDetail['functions'][number] = {
  name: 'hello',
  status: 'building',
  reason: null,
  contentKey: null,
  image: null,
  isReused: false,
  deploymentId: null,
  startedAt: 40,
  builtAt: null,
  finishedAt: null
}
const short = (build: BuildDetail, now: number) =>
  barsOf(build, now).map(({ label, from, to, tone, isRunning }) => [label, from, to, tone, isRunning])

test('a running build shows what is done and what goes on until now', () => {
  assert.deepEqual(short({ ...build, functions: [part] }, 100), [
    ['waiting', 0, 10, 'quiet', false],
    ['checkout and stack', 10, 40, 'good', false],
    ['image', 40, 100, 'busy', true]
  ])
})

test('a live build shows the roll-out of each function from when all images were there', () => {
  const functions = [{ ...part, status: 'live' as const, builtAt: 70, finishedAt: 95, isReused: true }]
  const live = { ...build, status: 'live' as const, deployingAt: 80, finishedAt: 96, functions }
  assert.deepEqual(short(live, 1000), [
    ['waiting', 0, 10, 'quiet', false],
    ['checkout and stack', 10, 40, 'good', false],
    ['image (known)', 40, 70, 'good', false],
    ['roll-out', 80, 95, 'good', false]
  ])
})

test('a build that failed before it had a plan failed in its stack', () => {
  const failed = { ...build, status: 'failed' as const, finishedAt: 30 }
  assert.deepEqual(short(failed, 1000), [
    ['waiting', 0, 10, 'quiet', false],
    ['checkout and stack', 10, 30, 'bad', false]
  ])
})

test('a rollback, which builds nothing, is waiting and roll-out', () => {
  const functions = [{ ...part, status: 'deploying' as const, startedAt: null }]
  const rollback = { ...build, status: 'deploying' as const, startedAt: null, deployingAt: 0, functions }
  assert.deepEqual(short(rollback, 50), [
    ['waiting', 0, 0, 'quiet', false],
    ['roll-out', 0, 50, 'busy', true]
  ])
})
