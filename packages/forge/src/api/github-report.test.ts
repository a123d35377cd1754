import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { BuildStatus, CommitStatus } from '@slipway/domain'
import { failsWith } from '../webhooks/deliveries.fixture.ts'
import { createGitHubApi } from './github.ts'
import { appId, privateKey, recordedRepository, refused, startGitHub } from './github-server.fixture.ts'
import { buildWith, clock, commit, instanceAt, repositoryWith, statusWith } from './server.fixture.ts'

const { signal } = new AbortController()
const repository = repositoryWith()

async function start(t: TestContext) {
  let time = clock
  const now = () => time
  const github = await startGitHub(t, now)
  const api = createGitHubApi({ instance: instanceAt(github.url, 'github'), appId, privateKey, now })
  return {
    ...github,
    api,
    report: (status: Partial<CommitStatus>, externalId: string | null = null, build = buildWith()) =>
      api.report({ repository, build, status: statusWith(status), externalId }, signal),
    pass(ms: number) {
      time += ms
    }
  }
}

test('every state of a build has a state of its own kind at GitHub', async (t) => {
  const { report, state } = await start(t)
  const expected: Record<BuildStatus, [string, string | null]> = {
    queued: ['queued', null],
    building: ['in_progress', null],
    deploying: ['in_progress', null],
    live: ['completed', 'success'],
    failed: ['completed', 'failure'],
    error: ['completed', 'timed_out'],
    superseded: ['completed', 'cancelled'],
    cancelled: ['completed', 'cancelled'],
    skipped: ['completed', 'skipped']
  }
  for (const [word, [status, conclusion]] of Object.entries(expected)) {
    state.runs = []
    await report({ state: word as BuildStatus })
    assert.deepEqual([state.runs[0]?.status, state.runs[0]?.conclusion], [status, conclusion], word)
  }
})

test('a context has one check run, made once and changed by its id', async (t) => {
  const { report, state, calls } = await start(t)
  const first = await report({ state: 'queued' })
  const second = await report({ state: 'building' }, first)
  await report({ state: 'live', description: 'hello live', targetUrl: 'https://hello.example.com' }, second)
  assert.equal(first, second)
  assert.equal(state.runs.length, 1)
  const [run] = state.runs
  assert.deepEqual([run?.name, run?.head_sha, run?.details_url], ['slipway/stack', commit, 'https://hello.example.com'])
  const made = calls.filter(({ path, method }) => method !== 'GET' && path.includes('check-runs'))
  assert.deepEqual(
    made.map(({ method }) => method),
    ['POST', 'PATCH', 'PATCH']
  )
  await report({ context: 'slipway/hello', state: 'live' })
  assert.deepEqual(
    state.runs.map(({ name }) => name),
    ['slipway/stack', 'slipway/hello']
  )
})

test('the same status twice is one status, even when the first answer was lost', async (t) => {
  const { report, state } = await start(t)
  const first = await report({ state: 'live' })
  assert.equal(await report({ state: 'live' }), first)
  assert.equal(state.runs.length, 1)
})

test('another build of the same commit has a run of its own, as a re-request asks for', async (t) => {
  const { report, state } = await start(t)
  const first = await report({ state: 'failed' })
  const second = await report({ state: 'queued' }, first, buildWith({ id: 'another' }))
  assert.notEqual(first, second)
  assert.deepEqual(
    state.runs.map(({ conclusion }) => conclusion),
    ['failure', null]
  )
})

test('a run that another build of the commit left unfinished is taken over: as the newest it is what is shown', async (t) => {
  const { report, state } = await start(t)
  const first = await report({ state: 'live' })
  const looking = await report({ state: 'building' }, first, buildWith({ id: 'another' }))
  assert.equal(state.runs.length, 2)
  await report({ state: 'live' }, looking)
  assert.deepEqual(
    state.runs.map(({ conclusion }) => conclusion),
    ['success', 'success']
  )
})

test('a run that GitHub threw away is made again', async (t) => {
  const { report, state } = await start(t)
  const first = await report({ state: 'queued' })
  state.runs = []
  assert.notEqual(await report({ state: 'building' }, first), null)
  assert.equal(state.runs.length, 1)
})

test('times are those of the build', async (t) => {
  const { report, state } = await start(t)
  await report({ state: 'failed' }, null, buildWith({ startedAt: clock - 9000, finishedAt: clock - 1000 }))
  const [run] = state.runs
  assert.equal(run?.started_at, new Date(clock - 9000).toISOString())
  assert.equal(run?.completed_at, new Date(clock - 1000).toISOString())
})

test('lines of stack.yml are annotated with the end, fifty at most, and once however often it is told', async (t) => {
  const { report, state } = await start(t)
  const location = { path: 'stack.yml', line: 3, column: 5 }
  const annotations = Array.from({ length: 60 }, () => ({ location, level: 'failure' as const, message: 'no' }))
  const counts = () => state.runs.map(({ output }) => (output as { annotations_count: number }).annotations_count)
  const id = await report({ state: 'building', annotations })
  assert.deepEqual(counts(), [0])
  await report({ state: 'failed', annotations }, id)
  assert.deepEqual(counts(), [50])
  await report({ state: 'failed', annotations }, id)
  await report({ state: 'failed', annotations }, null)
  assert.deepEqual(counts(), [50])
})

test('a long log is cut to its end, a long reason to a line, and neither can break out of its place', async (t) => {
  const { report, state } = await start(t)
  const text = `${'ü'.repeat(70_000)}\n\u001b[31mboom\u001b[0m \u0000 \`\`\` # no heading`
  await report({ state: 'failed', text, description: `first\nsecond ${'😀'.repeat(200)}` })
  const output = state.runs[0]?.output as { title: string; summary: string; text: string }
  assert.ok(output.title.length <= 140 && output.title.isWellFormed() && !output.title.includes('\n'))
  assert.ok(Buffer.byteLength(output.text) <= 65_535)
  assert.match(output.text, /^````\nü+\nboom {2}``` # no heading\n````$/)
  await report({ context: 'other', state: 'failed', text: '`'.repeat(200_000), description: 'x'.repeat(100_000) })
  const hostile = state.runs[1]?.output as { summary: string; text: string }
  assert.ok(Buffer.byteLength(hostile.text) <= 65_535 && Buffer.byteLength(hostile.summary) <= 65_535)
})

test('an App that may not write checks sets commit statuses, and asks again after a while', async (t) => {
  const { report, state, calls, pass } = await start(t)
  const installation = state.installations[957387]
  assert.ok(installation !== undefined)
  installation.canCheck = false
  const words: [BuildStatus, string][] = [
    ['queued', 'pending'],
    ['building', 'pending'],
    ['deploying', 'pending'],
    ['live', 'success'],
    ['failed', 'failure'],
    ['error', 'error'],
    ['superseded', 'error'],
    ['cancelled', 'error'],
    ['skipped', 'success']
  ]
  for (const [word] of words)
    assert.equal(await report({ state: word, description: 'y'.repeat(300), targetUrl: null }), null)
  assert.deepEqual(
    state.statuses.map(({ state: told }) => told),
    words.map(([, told]) => told)
  )
  assert.equal(String(state.statuses[0]?.description).length, 140)
  assert.equal(calls.filter(({ path }) => path.includes('check-runs')).length, 1)
  installation.canCheck = true
  await report({ state: 'live' })
  assert.equal(state.runs.length, 0)
  pass(11 * 60_000)
  await report({ state: 'live' })
  assert.equal(state.runs.length, 1)
})

test('a repository that the App is not installed on, or a commit that GitHub does not know, cannot be reported on', async (t) => {
  const { api, report, state } = await start(t)
  const target = { build: buildWith(), status: statusWith(), externalId: null }
  const elsewhere = repositoryWith({ installationId: null, fullName: 'octocat/other' })
  await assert.rejects(api.report({ repository: elsewhere, ...target }, signal), failsWith('forbidden', /install/))
  state.instead = ({ path }) => (path.includes('check-runs') ? refused(422, 'No commit found for SHA') : null)
  await assert.rejects(report({}), failsWith('invalid-request', /No commit found/))
  state.instead = () => null
  state.installations = { 957387: { repositories: [recordedRepository({ id: 9 })], canCheck: true } }
  await assert.rejects(report({}, null, buildWith({ id: 'x', commit: 'b'.repeat(40) })), failsWith('not-found'))
})
