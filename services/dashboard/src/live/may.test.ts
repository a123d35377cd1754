import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MeView, routes } from '@slipway/client'
import { createMay, rightOf } from './may.ts'

const me = (change: Partial<MeView>): MeView => ({
  kind: 'account',
  name: 'somebody',
  login: 'somebody',
  isAdministrator: false,
  owners: [],
  repositories: [],
  ...change
})
const mayOf = (change: Partial<MeView>) => createMay(me(change), (name) => routes[name].rule)
const alice = { owner: 'alice' }
const shop = { owner: 'alice', repositoryId: 'r1' }

test('who reads an owner may look and change nothing', () => {
  const may = mayOf({ owners: [{ slug: 'alice', right: 'read', rightOnAll: 'read' }] })
  assert.ok(may('listBuilds', alice) && may('getFunction', shop) && may('listDeliveries', alice))
  for (const route of ['cancelBuild', 'rebuild', 'rollback', 'scaleFunction', 'updateRepository'] as const) {
    assert.equal(may(route, shop), false, route)
  }
  for (const route of ['putSecret', 'listSecrets', 'listVariables', 'listAudit', 'listNotifications'] as const) {
    assert.equal(may(route, alice), false, route)
  }
})

test('who writes to one repository deploys that one, and neither the others nor what is the whole owner’s', () => {
  const may = mayOf({
    owners: [{ slug: 'alice', right: 'write', rightOnAll: null }],
    repositories: [{ id: 'r1', owner: 'alice', right: 'write' }]
  })
  assert.ok(may('rebuild', shop) && may('scaleFunction', shop))
  assert.equal(may('rebuild', { ...alice, repositoryId: 'r2' }), false)
  assert.equal(may('updateRepository', shop), false)
  assert.equal(may('listSecrets', alice), false)
})

test('who administers an owner may change it, and not the installation; an administrator may do everything', () => {
  const admin = mayOf({ owners: [{ slug: 'alice', right: 'admin', rightOnAll: 'admin' }] })
  assert.ok(admin('putSecret', alice) && admin('updateRepository', shop) && admin('listAudit', alice))
  assert.equal(admin('listRunning'), false)
  assert.equal(admin('putSecret', { owner: 'bob' }), false)
  const root = mayOf({ isAdministrator: true })
  assert.ok(root('listRunning') && root('putSecret', alice))
})

test('a stranger has no right on an owner, whatever its public pages show', () => {
  assert.equal(rightOf(me({}), 'alice'), null)
  assert.equal(mayOf({})('rebuild', shop), false)
})
