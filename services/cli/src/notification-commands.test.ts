import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pushOf, seedPush } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

test('an address is added with its secret shown once, listed, and removed', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  await seedPush(store, pushOf(commits.a), 1)
  const wrong = await slipway('notifications', 'add', 'https://a.test/x', '--on', 'everything')
  assert.deepEqual([wrong.code, /failed, live, rolled-back, paused/.test(wrong.stderr)], [2, true])
  const added = await slipway('notifications', 'add', 'https://a.test/path', '--on', 'failed,paused')
  assert.match(added.stdout, /^a\.test is told of failed, paused\nrequests are signed with whsec_/)
  const id = /notifications test (\S+)/.exec(added.stdout)?.[1] ?? ''
  const listed = await slipway('notifications', 'list', '--owner', 'alice')
  assert.match(listed.stdout, /webhook +a\.test +failed,paused +nothing yet/)
  assert.match((await slipway('notifications', 'list', '--admin')).stdout, /Nobody is told/)
  assert.equal((await slipway('notifications', 'remove', id)).stdout, 'a.test is told no more\n')
  assert.equal((await slipway('notifications', 'remove', id)).code, 4)
})
