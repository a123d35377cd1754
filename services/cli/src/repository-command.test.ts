import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, pushOf, seedLive, seedPush, specOf } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

test('settings of a repository are shown and changed, of this directory or of a named one', async (t) => {
  const { slipway, store, checkout } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  assert.equal((await slipway('repository')).code, 4, 'this is no checkout')
  checkout()
  assert.match((await slipway('repository')).stdout, /alice\/shop[^]*automatic deploys +on\n[^]*main \(the default\)/)
  const change = '--branch live --stack a/stack.yml --together off --policy override --public on --json'
  const changed = await slipway('repository', 'Alice/Shop', ...change.split(' '))
  assert.equal(changed.code, 0, changed.stderr)
  const { branch, stackPath, isAtomic, policy, hasPublicPages, isAutomatic } = JSON.parse(changed.stdout)
  assert.deepEqual(
    { branch, stackPath, isAtomic, policy, hasPublicPages, isAutomatic },
    {
      branch: 'live',
      stackPath: 'a/stack.yml',
      isAtomic: false,
      policy: 'override',
      hasPublicPages: true,
      isAutomatic: true
    }
  )
  assert.match((await slipway('repository', '--branch', 'default')).stdout, /production branch +main/)
  assert.equal((await slipway('repository', '--automatic', 'perhaps')).code, 2)
  assert.equal((await slipway('repository', 'alice/nope')).code, 4)
})

test('with automatic deploys off a push waits until somebody rebuilds it, and why says so', async (t) => {
  const { slipway, store, checkout, untilAskedFor } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  checkout()
  assert.match((await slipway('repository', '--automatic', 'off')).stdout, /automatic deploys +off/)
  await seedPush(store, pushOf(commits.b, { before: commits.a }), Date.now())
  const why = await slipway('why', 'bbbb')
  assert.match(why.stdout, /It did not go live: build \S+ is skipped, because: automatic deploys are off\./)
  assert.match(why.stdout, /skipped +\d+ s ago +automatic deploys are off/, 'the delivery says so, too')
  const on = await slipway('repository', '--automatic', 'on')
  assert.match(on.stdout, /left out, if there is one, is deployed now/)
  const build = await store.builds.get(await untilAskedFor())
  assert.deepEqual([build?.commit, build?.trigger], [commits.b, 'resume'])
})
