import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

test('variables of owner, repository and function stand over each other, and each says where it comes from', async (t) => {
  const { slipway, store, checkout } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  checkout()
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await slipway('env', ...args)
    assert.equal(code, 0, stderr)
    return stdout
  }
  assert.match(await done('list'), /No variables: "slipway env set/)
  assert.match(
    await done('set', 'LEVEL=info', 'A=b=c'),
    /^LEVEL, A set for alice: .*deployed again.*slipway logs -f --build/
  )
  await done('set', 'LEVEL=warn', '--repository', '.')
  await done('set', 'LEVEL=debug', '--function', 'hello')
  assert.match(await done('set', 'VERSION=1', '--build'), /counts from the next build on/)

  const listed = await done('list', '--function', 'alice/hello')
  assert.match(listed, /\nruntime +A +b=c +owner\n/)
  assert.match(listed, /\nruntime +LEVEL +debug +function +warn \(repository\), info \(owner\)\n/)
  assert.match(listed, /\nbuild +VERSION +1 +owner\n/)
  assert.match(listed, /slipway redeploy/)
  assert.match(await done('list'), /\nrepository alice\/shop +runtime +LEVEL +warn /)
  assert.doesNotMatch(await done('list', '--repository', 'alice/shop'), /debug|VERSION/)

  await done('unset', 'LEVEL', '--function', 'hello')
  const { runtime } = JSON.parse(await done('list', '--function', 'hello', '--json')) as {
    runtime: { name: string; value: string; source: string }[]
  }
  assert.deepEqual(
    runtime.map(({ name, value, source }) => [name, value, source]),
    [
      ['A', 'b=c', 'owner'],
      ['LEVEL', 'warn', 'repository']
    ]
  )
})

test('what is no variable, names two scopes, or names nothing that is there is refused', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const noValue = await slipway('env', 'set', 'LEVEL')
  assert.deepEqual([noValue.code, /write NAME=value/.test(noValue.stderr)], [2, true])
  assert.equal((await slipway('env', 'set', 'A=1', '--repository', 'alice/shop', '--function', 'hello')).code, 2)
  assert.equal((await slipway('env', 'set', 'A=1', '--repository', '.')).code, 4, 'this is no checkout')
  assert.equal((await slipway('env', 'list', '--function', 'alice/nope')).code, 4)
  assert.deepEqual(await store.variables.list((await store.owners.findBySlug('alice'))?.id ?? ''), [])
})
