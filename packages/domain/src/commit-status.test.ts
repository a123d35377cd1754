import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Build, BuildFunction, BuildStatus } from './build.ts'
import { commitStatusesOf, shortDescription } from './commit-status.ts'

function buildOf(status: BuildStatus, reason: string | null = null): Build {
  return { id: 'b', status, reason, warnings: [] } as unknown as Build
}

function partOf(name: string, status: BuildFunction['status'], reason: string | null = null): BuildFunction {
  return { name, status, reason } as unknown as BuildFunction
}

const about = { urlOf: () => null, logEnd: () => null, location: null }

test('a live build says which functions are live and which were removed', () => {
  const [stack, hello] = commitStatusesOf(buildOf('live'), [partOf('hello', 'live'), partOf('old', 'removed')], about)
  assert.equal(stack?.description, 'hello live; removed old')
  assert.deepEqual([stack?.state, hello?.context, hello?.state], ['live', 'slipway/hello', 'live'])
})

test('every context of an ended build is terminal', () => {
  const parts = (['planned', 'building', 'built', 'deploying', 'failed', 'cancelled', 'skipped'] as const).map(
    (status) => partOf(status, status)
  )
  for (const end of ['failed', 'error', 'superseded', 'cancelled'] as const) {
    for (const { state } of commitStatusesOf(buildOf(end, 'why'), parts, about)) {
      assert.ok(!['queued', 'building', 'deploying', 'live'].includes(state), `${end}: ${state}`)
    }
  }
})

test('a failure is marked at its line', () => {
  const location = { path: 'stack.yml', line: 3, column: 5 }
  const [stack] = commitStatusesOf(buildOf('failed', 'stack.yml:3:5: no'), [], { ...about, location })
  assert.deepEqual(stack?.annotations, [{ location, level: 'failure', message: 'stack.yml:3:5: no' }])
})

test('a description is one line of at most so many characters', () => {
  assert.equal(shortDescription('a\n b', 140), 'a b')
  assert.equal(shortDescription('x'.repeat(200), 140).length, 140)
})
