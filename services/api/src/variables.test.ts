import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'

test('variables are set by scope, each value says where it comes from, and a change deploys without a build', async (t) => {
  const { api, store } = await createApiForTest(t)
  const spec = specOf('hello', { environment: { A: 'stack', B: 'stack' } })
  await seedLive(store, pushOf(commits.a), [{ spec, image: imageOf('hello') }], Date.now())
  const [repository] = (await api.listRepositories({})).items
  const owner = 'alice'
  const { items, builds } = await api.changeVariables({ owner, use: 'runtime', set: { A: 'owner' } })
  assert.deepEqual([items[0]?.scope, items[0]?.value, builds[0]?.trigger], ['owner', 'owner', 'configuration'])
  await api.changeVariables({ owner, use: 'runtime', repository: repository?.id ?? '', set: { A: 'repository' } })
  await api.changeVariables({ owner, use: 'build', function: 'hello', set: { NODE_VERSION: '24' } })
  const { runtime, build, isLiveOtherwise } = await api.getEnvironment({ owner, name: 'hello' })
  assert.deepEqual(runtime, [
    {
      name: 'A',
      value: 'repository',
      source: 'repository',
      over: [
        { source: 'owner', value: 'owner' },
        { source: 'stack.yml', value: 'stack' }
      ]
    },
    { name: 'B', value: 'stack', source: 'stack.yml', over: [] }
  ])
  assert.deepEqual(
    build.map(({ name, source }) => [name, source]),
    [['NODE_VERSION', 'function']]
  )
  assert.equal(isLiveOtherwise, true, 'the redeploy has not ended')
  assert.equal((await api.listVariables({ owner })).items.length, 3)
  const refused = (code: string) => (err: unknown) => err instanceof Failure && err.code === code
  const both = { owner, use: 'runtime', repository: 'x', function: 'y' } as const
  await assert.rejects(api.changeVariables(both), refused('invalid-request'))
  await assert.rejects(api.changeVariables({ owner, use: 'runtime', set: { 'a b': '' } }), refused('invalid-request'))
  await assert.rejects(api.changeVariables({ owner: 'nobody', use: 'runtime' }), refused('not-found'))
  await assert.rejects(api.changeVariables({ owner, use: 'runtime', function: 'no' }), refused('not-found'))
})
