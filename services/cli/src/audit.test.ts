import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditView } from '@slipway/client'
import { followAudit } from './audit.ts'
import { createCommandLineForTest } from './commands.fixture.ts'

test('audit tells who did what, filtered, for people and for programs', async (t) => {
  const { slipway, api } = await createCommandLineForTest(t)
  await api.addOwner({ slug: 'alice' })
  await api.addOwner({ slug: 'bob' })
  await api.createToken({ owner: 'alice', name: 'ci', scope: 'read', expiresInDays: 1 })

  const all = await slipway('audit')
  assert.equal(all.code, 0, all.stderr)
  assert.match(all.stdout, /^WHEN +OWNER +WHO +DID +TO WHAT/)
  assert.match(all.stdout, /alice +administrator +create-token +token\//)
  const lines = async (...args: string[]) => {
    const { stdout, stderr, code } = await slipway('audit', '--json', ...args)
    assert.equal(code, 0, stderr)
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as AuditView).action)
  }
  assert.deepEqual(await lines('--owner', 'alice'), ['create-token', 'add-owner'])
  assert.deepEqual(await lines('--action', 'add-owner', '--limit', '1'), ['add-owner'])
  assert.deepEqual(await lines('--on', 'token/'), ['create-token'])
  assert.deepEqual(await lines('--by', 'nobody-of-that-name'), [])
  assert.deepEqual(await lines('--since', '1h', '--by', 'Administrator', '--owner', 'bob'), ['add-owner'])
  assert.equal((await slipway('audit', '--since', 'yesterday')).code, 2)
  assert.match((await slipway('audit', '--action', 'none')).stdout, /Nothing of that/)
})

test('following tells what was there, then each entry once as it comes', async () => {
  const entry = (id: number): AuditView => ({
    id: String(id),
    at: id,
    actor: 'a',
    action: id % 2 === 0 ? 'even' : 'odd',
    owner: null,
    resource: 'r',
    detail: {}
  })
  const log = [entry(3), entry(2), entry(1)]
  const stop = new AbortController()
  let rounds = 0
  const wait = async () => {
    rounds += 1
    if (rounds === 1) log.unshift(entry(6), entry(5), entry(4))
    if (rounds === 3) stop.abort()
  }
  const api = { listAudit: async ({ limit = 50 }: { limit?: number }) => ({ items: log.slice(0, limit), next: null }) }
  const told: string[] = []
  for await (const { id } of followAudit(api, { action: 'even', since: 0 }, 10, wait, stop.signal)) told.push(id)
  assert.deepEqual(told, ['2', '4', '6'])
})
