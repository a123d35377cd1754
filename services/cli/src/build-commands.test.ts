import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, pushOf, seedBuilt, seedClaim, seedLive, seedPush, specOf } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

const hello = [{ spec: specOf('hello'), image: imageOf('hello') }]

test('builds are of the repository of the directory, of a named one, or of all', async (t) => {
  const { slipway, store, checkout } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), hello, Date.now())
  const { repository } = pushOf(commits.b)
  const other = { ...repository, forgeRepositoryId: '8', name: 'blog', fullName: 'alice/blog' }
  await seedPush(store, pushOf(commits.b, { repository: other }), Date.now())
  const repositories = async (...args: string[]) => {
    const { code, stdout, stderr } = await slipway('builds', '--json', ...args)
    assert.equal(code, 0, stderr)
    return (JSON.parse(stdout) as { repository: string }[]).map((one) => one.repository)
  }
  assert.deepEqual(await repositories(), ['alice/blog', 'alice/shop'])
  checkout()
  assert.deepEqual(await repositories(), ['alice/shop'])
  assert.deepEqual(await repositories('--all'), ['alice/blog', 'alice/shop'])
  assert.deepEqual(await repositories('--repository', 'Alice/Blog'), ['alice/blog'])
  assert.deepEqual(await repositories('--all', '--status', 'live'), ['alice/shop'])
  assert.match((await slipway('builds')).stdout, /^BUILD .*\n\S+ +alice\/shop +main +aaaaaaa +push +live/)
})

test('each kind of end has its exit code, and says what to try next', async (t) => {
  const { slipway, slipwayWith, store, url } = await createCommandLineForTest(t)
  const build = await seedPush(store, pushOf(commits.a), Date.now())
  const done = await slipway('cancel', build)
  assert.deepEqual([done.code, done.stdout], [0, `build ${build} is cancelled\n`])
  assert.equal((await slipway('cancel', build)).code, 1)
  for (const args of [
    ['builds', '--status', 'odd'],
    ['builds', '--limit', '0'],
    ['cancel'],
    ['nothing'],
    ['why', 'x']
  ]) {
    assert.equal((await slipway(...args)).code, 2, args.join(' '))
  }
  const signedOut = await slipwayWith({ SLIPWAY_URL: url, SLIPWAY_TOKEN: 'wrong' }, 'builds')
  assert.equal(signedOut.code, 3, signedOut.stderr)
  const missing = await slipway('cancel', 'nope')
  assert.equal(missing.code, 4)
  assert.match(missing.stderr, /no build nope: "slipway builds" lists them/)
  const help = await slipway('rebuild', '--help')
  assert.deepEqual([help.code, /Example:\n {2}slipway rebuild/.test(help.stdout)], [0, true])
})

test('a rebuild follows its build to the end, and says which', async (t) => {
  const { slipway, store, checkout, untilAskedFor } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), hello, Date.now())
  assert.equal((await slipway('rebuild')).code, 4, 'this is no checkout')
  checkout()
  const detached = await slipway('rebuild', '--no-cache', '--detach', '--json')
  assert.equal(detached.code, 0, detached.stderr)
  const { id, trigger, commit } = JSON.parse(detached.stdout) as { id: string; trigger: string; commit: string }
  assert.deepEqual([trigger, commit, (await store.builds.get(id))?.noCache], ['rebuild', commits.a, true])
  await store.builds.requestCancel(id, 'test', Date.now())

  for (const [status, exit] of [
    ['cancelled', 1],
    ['superseded', 5]
  ] as const) {
    const following = slipway('rebuild')
    const queued = await untilAskedFor()
    assert.equal((await store.builds.get(queued))?.noCache, false)
    await store.builds.finish(queued, null, { status, reason: 'the test says so' }, Date.now())
    const ended = await following
    assert.equal(ended.code, exit, ended.stderr)
    assert.match(ended.stderr, new RegExp(`build ${queued} is ${status}: the test says so`))
  }
})

test('why says what became of a commit, by as much of it as is unique', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), hello, Date.now())
  const live = await slipway('why', 'aaaa')
  assert.equal(live.code, 0, live.stderr)
  assert.match(
    live.stdout,
    /^a{40}: It is live: alice\/hello\.\n\nDELIVERY .*\nseed-\d+ +push +refs\/heads\/main +queued/
  )

  const building = await seedPush(store, pushOf(commits.b, { before: commits.a }), Date.now())
  await seedClaim(store, building, Date.now())
  assert.match((await slipway('why', 'bbbbbbb')).stdout, /on its way, building.*slipway logs -f --build/)
  await seedBuilt(store, building, hello, Date.now())
  await store.builds.requestCancel(building, 'bob', Date.now())
  const json = JSON.parse((await slipway('why', commits.b, '--json')).stdout) as Record<string, unknown[]>
  assert.deepEqual([json.deliveries?.length, json.builds?.length], [1, 1])

  const unknown = await slipway('why', 'c'.repeat(40))
  assert.deepEqual([unknown.code, /was it pushed/.test(unknown.stderr)], [4, true])
  await seedPush(store, pushOf(`${'a'.repeat(39)}b`, { ref: 'refs/heads/main' }), Date.now())
  assert.equal((await slipway('why', 'aaaa')).code, 2, 'it begins two commits')
})

test("the administrator sets how an owner's builds are kept apart", async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  const isolation = async () => (await store.owners.findBySlug('alice'))?.buildIsolation
  const { stdout } = await slipway('admin', 'isolation', 'alice', 'strict')
  assert.match(stdout, /limits and a network of their own; build_secrets are refused/)
  assert.equal(await isolation(), 'strict')
  assert.equal((await slipway('admin', 'isolation', 'alice', 'severe')).code, 2)
  assert.equal((await slipway('admin', 'isolation', 'alice', 'default')).code, 0)
  assert.equal(await isolation(), null)
  assert.equal((await slipway('admin', 'isolation', 'bob', 'strict')).code, 4)
})
