import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type CommitStatus, Failure, type ForgeApi } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { createLogger } from '@slipway/service'
import { createStore } from '@slipway/store'
import { pushOf, seedClaim, seedPush, specOf } from '@slipway/testing'
import { createReporter } from './report.ts'

const now = Date.now

/** A build of two functions that was claimed, and what the reporter tells of it. */
async function createReporterForTest(t: TestContext, { hangs = 0 } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-reporter-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  const told: CommitStatus[] = []
  let left = hangs
  const forge: Pick<ForgeApi, 'report'> = {
    async report({ status }, signal) {
      if (left-- > 0) await once(signal, 'abort')
      signal.throwIfAborted()
      told.push(status)
      return `run-${status.context}`
    }
  }
  const reporter = createReporter({
    store,
    forges: new Map([['github', forge as ForgeApi]]),
    urlOf: () => null,
    timeoutMs: hangs === 0 ? 10_000 : 200,
    isLeader: () => true,
    now,
    logger: createLogger('test', 'silent')
  })
  t.after(async () => {
    await reporter.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  const buildId = await seedPush(store, pushOf('a'.repeat(40)), now())
  await seedClaim(store, buildId, now())
  const functions = ['quick', 'slow'].map((name) => ({ name, spec: specOf(name) }))
  await store.builds.plan(buildId, 'seed', functions, [])
  const tellsOf = async (context: string, state: CommitStatus['state']) => {
    reporter.wake()
    return waitFor(() => told.find((status) => status.context === context && status.state === state) ?? null, {
      timeoutMs: 20_000,
      what: `${context} to be ${state}`
    })
  }
  return { store, told, buildId, tellsOf }
}

test('a function that failed while others are at work is told at once, with the end of its log, and only once', async (t) => {
  const { store, told, buildId, tellsOf } = await createReporterForTest(t)
  const chunk = { at: now(), step: 'build' as const, functionName: 'quick', stream: 'stdout' as const }
  await store.logs.append(buildId, [{ ...chunk, text: 'the last words' }])
  await store.builds.updateFunction(buildId, 'quick', { status: 'failed', reason: 'exit code 1', finishedAt: now() })
  const failed = await tellsOf('slipway/quick', 'failed')
  assert.deepEqual([failed.description, failed.text], ['exit code 1', 'the last words'])
  assert.equal((await tellsOf('slipway/slow', 'building')).text, null)

  const end = { status: 'failed' as const, reason: 'quick: exit code 1' }
  await store.builds.finish(buildId, 'seed', end, now())
  await tellsOf('slipway/stack', 'failed')
  await tellsOf('slipway/slow', 'cancelled')
  assert.equal(told.filter(({ context, state }) => context === 'slipway/quick' && state === 'failed').length, 1)
  assert.equal(told.at(-1)?.context, 'slipway/stack', 'the word on all of it comes last')
})

test('what an earlier build of the commit had begun to tell is ended by the one that speaks for it now', async (t) => {
  const { store, buildId, tellsOf } = await createReporterForTest(t)
  await tellsOf('slipway/quick', 'building')
  const end = { status: 'cancelled' as const, reason: 'cancelled on request' }
  const build = await store.builds.get(buildId)
  assert.ok(build !== null)
  const { repositoryId, ref, commit } = build
  const asked = { before: null, trigger: 'rebuild' as const, message: null, sender: null, noCache: false }
  const next = await store.builds.queue({ repositoryId, ref, commit, ...asked }, now())
  await store.builds.finish(next.id, null, end, now())
  assert.equal((await tellsOf('slipway/quick', 'cancelled')).description, 'cancelled on request')
})

test('what was told and not written down is told again with nothing but the same words', async (t) => {
  const { store, tellsOf, told } = await createReporterForTest(t)
  await tellsOf('slipway/quick', 'building')
  const { saveSent } = store.reports
  let lost = 0
  store.reports.saveSent = async () => {
    if (lost++ > 0) store.reports.saveSent = saveSent
    throw new Failure('unavailable', 'killed')
  }
  const [build] = await store.builds.list(null, { status: 'building' }, { before: null, limit: 1 })
  const end = { status: 'failed' as const, reason: 'quick: exit code 1' }
  await store.builds.finish(build?.id ?? '', 'seed', end, now())
  await waitFor(async () => (await store.reports.due(Number.MAX_SAFE_INTEGER, 1)).length === 0, { timeoutMs: 20_000 })
  const ends = [...Map.groupBy(told, ({ context, state }) => `${context} ${state}`).values()]
  assert.ok(
    ends.some((same) => same.length > 1),
    'it was told more than once'
  )
  for (const same of ends) assert.equal(new Set(same.map(({ description }) => description)).size, 1)
})

test('a forge that does not answer is left when the time is over, and told later', async (t) => {
  const { tellsOf, told } = await createReporterForTest(t, { hangs: 1 })
  await tellsOf('slipway/stack', 'building')
  assert.equal(told.filter(({ context }) => context === 'slipway/stack').length, 1)
})
