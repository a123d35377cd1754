import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pushOf, seedPush } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

test('the administrator sees what an owner may have and has, and changes it', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  const shown = await slipway('admin', 'limits', 'alice')
  assert.match(shown.stdout, /^functions +0 +no limit +everybody/m, shown.stderr)
  assert.match(shown.stdout, /^memory-mb-per-function +1024 MiB +everybody/m)

  const set = await slipway('admin', 'limits', 'alice', 'functions=5', 'memory-mb-per-function=none', 'builds=3')
  assert.match(set.stdout, /^functions +0 +5 +this owner/m, set.stderr)
  assert.match(set.stdout, /^memory-mb-per-function +no limit +this owner/m)
  const back = await slipway('admin', 'limits', 'alice', 'builds=default', '--json')
  const { own } = JSON.parse(back.stdout) as { own: object }
  assert.deepEqual(own, { functions: 5, 'memory-mb-per-function': null })

  const unknown = await slipway('admin', 'limits', 'alice', 'cats=3')
  assert.deepEqual([unknown.code, /no limit "cats": there are functions, /.test(unknown.stderr)], [2, true])
  const wrong = await slipway('admin', 'limits', 'alice', 'functions=many')
  assert.deepEqual([wrong.code, /functions=<number>/.test(wrong.stderr)], [2, true])
  assert.equal((await slipway('admin', 'limits', 'alice', 'memory-mb-per-function=0')).code, 2)
  assert.equal((await slipway('admin', 'limits', 'carol')).code, 4)
})
