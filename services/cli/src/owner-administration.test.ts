import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pushOf, seedPush } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'

test('the administrator sees the owners, and suspends one with a reason', async (t) => {
  const { slipway, store } = await createCommandLineForTest(t)
  assert.match((await slipway('admin', 'owners')).stdout, /there is no owner yet/)
  await seedPush(store, pushOf(commits.a), Date.now())
  assert.equal((await slipway('admin', 'owners', 'add', 'bob')).code, 0)
  assert.match((await slipway('admin', 'owners')).stdout, /^alice +github +alice +default +builds$/m)

  const without = await slipway('admin', 'suspend', 'alice')
  assert.deepEqual([without.code, /--reason/.test(without.stderr)], [2, true])
  const { code, stdout } = await slipway('admin', 'suspend', 'alice', '--reason', 'the bill')
  assert.deepEqual([code, /functions go on answering/.test(stdout)], [0, true])
  assert.equal((await store.owners.findBySlug('alice'))?.suspension?.reason, 'the bill')
  assert.match((await slipway('admin', 'owners')).stdout, /^alice .* suspended: the bill$/m)
  const [build] = await store.builds.list(null, {}, { before: null, limit: 1 })
  const refused = await slipway('rebuild', build?.id ?? '', '--detach')
  assert.deepEqual([refused.code, /suspended the owner: the bill/.test(refused.stderr)], [1, true], refused.stderr)

  await store.owners.setAllowList([])
  assert.match((await slipway('admin', 'unsuspend', 'alice')).stdout, /not on the allow list/)
  const listed = JSON.parse((await slipway('admin', 'owners', '--json')).stdout) as Record<string, unknown>[]
  assert.deepEqual(
    listed.map(({ slug, isListed, suspension }) => [slug, isListed, suspension]),
    [
      ['bob', true, null],
      ['alice', false, null]
    ]
  )
  assert.match((await slipway('admin', 'owners')).stdout, /^alice .* not on the allow list$/m)
  const unknown = await slipway('admin', 'suspend', 'carol', '--reason', 'x')
  assert.deepEqual([unknown.code, /admin owners/.test(unknown.stderr)], [4, true])
  const added = await slipway('admin', 'owners', 'add', 'dora', '--json')
  assert.equal((JSON.parse(added.stdout) as { slug: string }).slug, 'dora')
  assert.match((await slipway('admin', 'owners', 'remove', 'dora')).stdout, /^dora is removed/)
  assert.equal(await store.owners.findBySlug('dora'), null)
  const gone = await slipway('admin', 'owners', 'remove', 'dora')
  assert.deepEqual([gone.code, /admin owners/.test(gone.stderr)], [4, true])
  const ofForge = await slipway('admin', 'owners', 'remove', 'alice')
  assert.deepEqual([ofForge.code, /of the forge github/.test(ofForge.stderr)], [1, true])
})
