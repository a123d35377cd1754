import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

test('access is shown and set, of a function and as a default; what is no access is refused', async (t) => {
  const { slipway, store, checkout } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  checkout()
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await slipway(...args)
    assert.equal(code, 0, stderr)
    return stdout
  }
  assert.equal(await done('access', 'alice/hello'), 'alice/hello: public (nobody said otherwise)\n')
  assert.match(await done('access', '--repository', '.', 'token'), /is token now/)
  assert.equal(await done('access', 'hello'), 'alice/hello: token (set for the repository)\n')
  assert.equal(await done('access', 'hello', 'owner'), 'alice/hello: owner (set for the function)\n')
  assert.equal(await done('access', 'hello', 'default'), 'alice/hello: token (set for the repository)\n')
  const wrong = await slipway('access', 'hello', 'everybody')
  assert.deepEqual([wrong.code, /public, token, owner, default/.test(wrong.stderr)], [2, true])
  assert.equal((await slipway('access', 'nope', 'token')).code, 4)
})

test('a key is made, listed without itself, and revoked', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  assert.match((await slipway('keys', 'list')).stdout, /No keys: "slipway keys create/)
  const made = await slipway('keys', 'create', 'the shop', '--function', 'hello', '--days', '90')
  assert.match(made.stdout, /^slf_[\w-]{43}\n$/)
  assert.match(made.stderr, /^keep it/)
  const key = made.stdout.trim()
  const listed = (await slipway('keys', 'list', '--owner', 'alice')).stdout
  assert.match(listed, /the shop +hello +\d+ s ago by administrator +20/)
  assert.ok(!listed.includes(key))
  const id = /^[0-9a-f-]{36}/m.exec(listed)?.[0] ?? ''
  assert.match((await slipway('keys', 'revoke', id)).stdout, /opens nothing any more/)
  assert.deepEqual(await store.functionKeys.known(), [])
  assert.equal((await slipway('keys', 'revoke', id)).code, 4)
})
