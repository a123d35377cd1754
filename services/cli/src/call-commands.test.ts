import assert from 'node:assert/strict'
import { test } from 'node:test'
import { givenUpCallOf } from '@slipway/api/fixture'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

test('calls that were given up are shown with why, made again and forgotten', async (t) => {
  const { slipway, store, givenUpCalls } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const ownerId = (await store.owners.findBySlug('alice'))?.id ?? ''
  for (const id of ['1', '2']) givenUpCalls.push(givenUpCallOf(`${ownerId}/hello`, id))
  const listed = await slipway('calls', 'list', '--owner', 'alice')
  assert.match(listed.stdout, /alice\/hello +1 +POST \/orders +10 +.* ago +the function answered 500, after 10 tries/)
  assert.equal(
    (await slipway('calls', 'retry', 'alice/hello', '1')).stdout,
    'the call 1 of alice/hello is made again\n'
  )
  assert.equal((await slipway('calls', 'drop', 'alice/hello', '2')).stdout, 'the call 2 of alice/hello is forgotten\n')
  assert.equal((await slipway('calls', 'drop', 'alice/hello', '2')).code, 4)
  assert.equal((await slipway('calls', 'list', '--owner', 'alice')).stdout, 'No call was given up.\n')
})
