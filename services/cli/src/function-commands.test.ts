import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

const hello = [{ spec: specOf('hello'), image: imageOf('hello') }]

test('a function is listed and looked at, by its name alone where the owner is known', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  assert.match((await slipway('functions')).stdout, /No functions yet: push/)
  await seedLive(store, pushOf(commits.a), hello, Date.now())
  await seedLive(store, pushOf(commits.b, { before: commits.a }), hello, Date.now())
  assert.match((await slipway('functions', '--owner', 'alice')).stdout, /\nalice\/hello +live +bbbbbbb +1 /)
  const inspected = await slipway('inspect', 'hello')
  assert.equal(inspected.code, 0, inspected.stderr)
  assert.match(inspected.stdout, /^function +alice\/hello\nstate +live\n/)
  assert.match(inspected.stdout, /DEPLOYMENT .*\n\S+ +live +bbbbbbb .*\n\S+ +draining +aaaaaaa /)
  const missing = await slipway('inspect', 'alice/nope')
  assert.deepEqual([missing.code, /"slipway functions" lists them/.test(missing.stderr)], [4, true])
  assert.equal((await slipway('inspect', 'a/b/c')).code, 2)
})

test('a function goes back to a commit, stays there, and is resumed', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), hello, Date.now())
  const none = await slipway('rollback', 'alice/hello')
  assert.deepEqual([none.code, /slipway inspect alice\/hello/.test(none.stderr)], [1, true])
  await seedLive(store, pushOf(commits.b, { before: commits.a }), hello, Date.now())
  const unknown = await slipway('rollback', 'alice/hello', '--to', 'ccccccc')
  assert.equal(unknown.code, 4)
  assert.match(unknown.stderr, /never live as ccccccc: "slipway inspect alice\/hello" lists its deployments\n$/)
  const back = await slipway('rollback', 'alice/hello', '--to', 'aaaaaaa', '--detach', '--json')
  assert.equal(back.code, 0, back.stderr)
  const build = JSON.parse(back.stdout) as { trigger: string; commit: string }
  assert.deepEqual([build.trigger, build.commit], ['rollback', commits.a])

  assert.match((await slipway('pause', 'alice/hello')).stdout, /paused.*slipway resume alice\/hello/)
  assert.match((await slipway('functions')).stdout, /live, paused/)
  const resumed = await slipway('resume', 'alice/hello')
  assert.match(resumed.stdout, /^pushes deploy alice\/hello again; /)
  assert.match(
    (await slipway('redeploy', 'alice/hello', '--detach')).stdout,
    /deployed again: "slipway logs -f --build/
  )
})

test('a function goes back to any commit with which it was live, also those that left it as it was', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  const seed = async (commit: string, before: string | null, image: string) => {
    const functions = [{ spec: specOf('hello'), image: imageOf('hello', image) }]
    const [made] = await seedLive(store, pushOf(commit, { before }), functions, Date.now(), { mayStay: true })
    return made?.id
  }
  const first = await seed(commits.a, null, 'a')
  assert.equal(await seed(commits.b, commits.a, 'a'), first, 'it stays')
  await seed(commits.c, commits.b, 'c')
  const back = await slipway('rollback', 'alice/hello', '--to', 'aaaaaaa', '--detach')
  assert.equal(back.code, 0, back.stderr)
  assert.match(back.stdout, /^alice\/hello goes back to aaaaaaa \(unchanged up to bbbbbbb\): /)
  const [build] = await store.builds.list(null, {}, { before: null, limit: 1 })
  assert.equal((await store.builds.functions(build?.id ?? ''))[0]?.deploymentId, first)
  const unknown = await slipway('rollback', 'alice/hello', '--to', 'ddddddd')
  assert.deepEqual([unknown.code, /never live as ddddddd/.test(unknown.stderr)], [4, true])
})

test('a rollback and a redeploy are followed to their end', async (t) => {
  const { slipway, store, untilAskedFor } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), hello, Date.now())
  await seedLive(store, pushOf(commits.b, { before: commits.a }), hello, Date.now())
  for (const command of ['rollback', 'redeploy']) {
    const following = slipway(command, 'alice/hello')
    const queued = await untilAskedFor()
    await store.builds.finish(queued, null, { status: 'superseded', reason: 'the test says so' }, Date.now())
    const ended = await following
    assert.equal(ended.code, 5, ended.stderr)
    assert.match(ended.stderr, new RegExp(`build ${queued} is superseded: the test says so`))
  }
})

test('replicas are a number from 0 to 100 of what is live, or what load says', async (t) => {
  const { slipway, store, scaled } = await createCommandLineForTest(t)
  const [deployment] = await seedLive(store, pushOf(commits.a), hello, Date.now())
  for (const wrong of ['-1', '101', '1.5', 'two']) {
    assert.equal((await slipway('scale', 'alice/hello', wrong)).code, 2, wrong)
  }
  assert.equal((await slipway('scale', 'alice/hello', '3')).code, 0)
  const inspected = await slipway('inspect', 'alice/hello')
  assert.match(inspected.stdout, /replicas +3, set by hand/)
  assert.match((await slipway('scale', 'alice/hello', 'auto')).stdout, /runs with 1 replica, and scales by itself/)
  assert.match((await slipway('scale', 'alice/hello', '0')).stdout, /has no replica/)
  const id = deployment?.id
  assert.deepEqual(scaled, [
    [id, 3, 'hand'],
    [id, 1, 'nobody'],
    [id, 0, 'hand']
  ])
})

test('inspect says when a function is called by its schedule', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  const annotations = { topic: 'cron-function', schedule: '0 0 1 1 *', 'schedule.overlap': 'allow' }
  const functions = [{ spec: specOf('nightly', { annotations }), image: imageOf('nightly') }]
  await seedLive(store, pushOf(commits.a), functions, Date.now())
  const { stdout } = await slipway('inspect', 'alice/nightly')
  assert.match(
    stdout,
    /schedule +0 0 1 1 \* \(UTC, calls may overlap\)\nnext call +\d{4}-01-01T00:00:00\.000Z\nlast due +-\n/
  )
  await slipway('pause', 'alice/nightly')
  assert.match((await slipway('inspect', 'alice/nightly')).stdout, /next call +none while it is paused/)
})
