import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunningService } from '@slipway/domain'
import { createApiForTest } from './api.fixture.ts'

const now = 1_000_000

const builder: RunningService = {
  id: 'builder-1',
  kind: 'builder',
  host: 'one',
  version: '1.0.0',
  startedAt: 5,
  seenAt: now - 1000,
  facts: {
    slots: 2,
    disks: [{ what: 'the state directory', path: '/state', freeBytes: 3, totalBytes: 9, wantedBytes: 4.5 }],
    uses: [{ what: 'mirrors', bytes: 7, limitBytes: 10 }]
  }
}

test('the administrator sees how every part is, which services are there, and room on the disks', async (t) => {
  const { api, store } = await createApiForTest(t, { now: () => now })
  await store.services.tell(builder)
  await store.services.tell({
    ...builder,
    id: 'deployer-1',
    kind: 'deployer',
    seenAt: now - 60_000,
    facts: { isLeader: true }
  })
  const { parts, services, disks, uses, checkedAt } = await api.getHealth({})
  assert.equal(checkedAt, now)
  assert.deepEqual(
    parts.map(({ name, isOk }) => [name, isOk]),
    [
      ['database', true],
      ['Redis', true],
      ['registry', true]
    ]
  )
  assert.deepEqual(
    services.map(({ id, isSilent, isLeader, slots }) => [id, isSilent, isLeader, slots]),
    [
      ['builder-1', false, null, 2],
      ['deployer-1', true, true, null]
    ]
  )
  assert.deepEqual(disks, [
    {
      host: 'one',
      what: 'the state directory',
      path: '/state',
      freeBytes: 3,
      totalBytes: 9,
      wantedBytes: 5,
      isShort: true
    }
  ])
  assert.deepEqual(
    uses.map(({ host, what }) => [host, what]),
    [
      [null, 'database'],
      [null, "functions' images in the registry"],
      ['one', 'mirrors']
    ]
  )
  const probed = await api.getHealth({ probe: true })
  assert.equal(probed.parts.find(({ name }) => name === 'registry')?.detail, 'probed')
})

test('with the deployer away the others are told all the same, and what that means', async (t) => {
  const { api, isDeployerAway } = await createApiForTest(t)
  isDeployerAway.value = true
  const { parts } = await api.getHealth({})
  assert.deepEqual(
    parts.map(({ name, isOk }) => [name, isOk]),
    [
      ['database', true],
      ['Redis', true],
      ['deployer', false]
    ]
  )
  assert.match(parts[2]?.detail ?? '', /Nothing is rolled out meanwhile/)
})
