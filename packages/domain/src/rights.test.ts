import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Action,
  type Actor,
  actions,
  authorize,
  type Grants,
  hasGlimpse,
  highestRight,
  includesScope,
  nobody,
  noGrants,
  type Resource,
  type Right,
  type Verdict,
  visibleTo
} from './rights.ts'

const account = (name: string): Actor => ({
  kind: 'account',
  name,
  accountId: name,
  forgeId: 'github',
  isAdministrator: false
})
const owners = (...rights: [string, Right][]): Grants => ({ owners: new Map(rights), repositories: new Map() })
const repositories = (...rights: [string, Right][]): Grants => ({
  owners: new Map(),
  repositories: new Map(rights.map(([id, right]) => [id, { ownerId: 'alice', right }]))
})
const token = (scope: 'read' | 'deploy' | 'admin', accountId: string | null = null): Actor => ({
  kind: 'token',
  name: 'token',
  tokenId: 't',
  ownerId: 'alice',
  scope,
  accountId
})

/** Those who ask, in the order of the table's columns. */
const asking: [string, Actor, Grants][] = [
  ['nobody', nobody, noGrants],
  ['stranger', account('eve'), noGrants],
  ['admin of another', account('bob'), owners(['bob', 'admin'])],
  ['reader', account('rita'), owners(['alice', 'read'])],
  ['writer', account('wes'), owners(['alice', 'write'])],
  ['admin', account('ann'), owners(['alice', 'admin'])],
  ['reader of shop', account('rob'), repositories(['shop', 'read'])],
  ['writer of shop', account('will'), repositories(['shop', 'write'])],
  ['token read', token('read'), noGrants],
  ['token deploy', token('deploy'), noGrants],
  ['token admin', token('admin'), noGrants],
  ['administrator', { kind: 'administrator', name: 'administrator' }, noGrants],
  [
    'account that administers',
    { kind: 'account', name: 'root', accountId: 'root', forgeId: 'github', isAdministrator: true },
    noGrants
  ]
]

const verdicts: Record<string, Verdict> = { y: 'allowed', h: 'hidden', r: 'refused' }
const shop = { kind: 'repository', ownerId: 'alice', repositoryId: 'shop' } as const
const privateShop: Resource = { ...shop, isPrivate: true, hasPublicPages: true }
const closedShop: Resource = { ...shop, isPrivate: false, hasPublicPages: false }
const openShop: Resource = { ...shop, isPrivate: false, hasPublicPages: true }
const otherShop: Resource = { ...closedShop, repositoryId: 'other' }
const ownerlessShop: Resource = { ...closedShop, ownerId: null }
const alice: Resource = { kind: 'owner', ownerId: 'alice', hasPublicPages: false }
const openAlice: Resource = { ...alice, hasPublicPages: true }
const platform: Resource = { kind: 'platform' }
const all: Resource = { kind: 'listing', owner: null }
const ofAlice: Resource = { kind: 'listing', owner: { ownerId: 'alice', hasPublicPages: false } }
const ofOpenAlice: Resource = { kind: 'listing', owner: { ownerId: 'alice', hasPublicPages: true } }

/** y: allowed, h: hidden, r: refused; one letter for each who asks. */
const table: [Action, string, Resource, string][] = [
  //                                                       neorwarwtttaa
  ['see-public', 'the public', { kind: 'public' }, '      yyyyyyyyyyyyy'],
  ['sign-in', 'the public', { kind: 'public' }, '         yyyyyyyyyyyyy'],
  ['see-platform', 'the platform', platform, '            hrrrrrrrrrryy'],
  ['administer', 'the platform', platform, '              hrrrrrrrrrryy'],
  ['administer', 'an owner', alice, '                     hhhrrrrrrrryy'],
  ['see-build', 'a private repository', privateShop, '    hhhyyyyyyyyyy'],
  ['see-build', 'a closed repository', closedShop, '      hhhyyyyyyyyyy'],
  ['see-build', 'an open repository', openShop, '         yyyyyyyyyyyyy'],
  ['see-build', 'another repository', otherShop, '        hhhyyyhhyyyyy'],
  ['see-build', 'one whose owner is unknown', ownerlessShop, 'hhhhhhyyhhhyy'],
  ['see-log', 'an open repository', openShop, '           yyyyyyyyyyyyy'],
  ['see-delivery', 'an open repository', openShop, '      hrryyyyyyyyyy'],
  ['see-badge', 'a private repository', privateShop, '    hhhyyyyyyyyyy'],
  ['see-badge', 'a closed repository', closedShop, '      yyyyyyyyyyyyy'],
  ['build', 'a closed repository', closedShop, '          hhhryyryryyyy'],
  ['build', 'an open repository', openShop, '             hrrryyryryyyy'],
  ['build', 'another repository', otherShop, '            hhhryyhhryyyy'],
  ['deploy', 'a private repository', privateShop, '       hhhryyryryyyy'],
  ['set-repository', 'a closed repository', closedShop, ' hhhrryrrrryyy'],
  ['set-variables', 'an owner', alice, '                  hhhrryrrrryyy'],
  ['see-variables', 'an open owner', openAlice, '         hrrrryrrrryyy'],
  ['see-secrets', 'an owner', alice, '                    hhhryyrrryyyy'],
  ['see-owner', 'an owner', alice, '                      hhhyyyyyyyyyy'],
  ['see-owner', 'an open owner', openAlice, '             yyyyyyyyyyyyy'],
  ['see-traffic', 'an open owner', openAlice, '           hrryyyrryyyyy'],
  ['set-tokens', 'an owner', alice, '                     hhhyyyyyrryyy'],
  ['set-tokens', 'an open owner', openAlice, '            hrryyyyyrryyy'],
  ['see-build', 'all lists', all, '                       hyyyyyyyyyyyy'],
  ['see-build', "an owner's list", ofAlice, '             hhhyyyyyyyyyy'],
  ['see-build', "an open owner's list", ofOpenAlice, '    yyyyyyyyyyyyy'],
  ['see-audit', "an owner's list", ofAlice, '             hhhrryrrrryyy'],
  ['see-audit', "an open owner's list", ofOpenAlice, '    hrrrryrrrryyy'],
  ['administer', 'all lists', all, '                      hrrrrrrrrrryy']
]

for (const [action, what, resource, letters] of table) {
  test(`${action} of ${what} is answered as the table says`, () => {
    const row = letters.trim()
    assert.equal(row.length, asking.length)
    for (const [i, [who, actor, grants]] of asking.entries()) {
      assert.equal(authorize(actor, grants, action, resource), verdicts[row[i] ?? ''], who)
    }
  })
}

test('every action but the public ones is denied to nobody and to strangers on what is closed', () => {
  const closed: Resource[] = [privateShop, alice, ofAlice]
  for (const [action, { needs }] of Object.entries(actions) as [Action, { needs: string }][]) {
    if (needs === 'nothing') continue
    for (const resource of closed) {
      assert.equal(authorize(nobody, noGrants, action, resource), 'hidden', action)
      assert.equal(authorize(account('eve'), noGrants, action, resource), 'hidden', action)
    }
  }
})

test('an account is its own, and of the administrators', () => {
  const own: Resource = { kind: 'account', accountId: 'eve' }
  assert.equal(authorize(account('eve'), noGrants, 'change-account', own), 'allowed')
  assert.equal(authorize(account('bob'), noGrants, 'see-account', own), 'hidden')
  assert.equal(authorize(nobody, noGrants, 'see-account', own), 'hidden')
  assert.equal(authorize(token('read', 'eve'), noGrants, 'see-account', own), 'allowed')
  assert.equal(authorize(token('deploy', 'eve'), noGrants, 'change-account', own), 'refused')
  assert.equal(authorize(account('eve'), noGrants, 'build', own), 'hidden')
})

test('a token gives no more than its scope, nothing of another owner, and never more than its maker has now', () => {
  const may = (actor: Actor, grants: Grants, action: Action, resource: Resource) =>
    authorize(actor, grants, action, resource) === 'allowed'
  assert.equal(may(token('read', 'ann'), owners(['alice', 'admin']), 'build', closedShop), false)
  assert.equal(may(token('admin', 'rita'), owners(['alice', 'read']), 'build', closedShop), false)
  assert.equal(may(token('admin', 'rita'), owners(['alice', 'read']), 'see-build', closedShop), true)
  assert.equal(may(token('admin', 'will'), repositories(['shop', 'write']), 'build', closedShop), true)
  assert.equal(may(token('admin', 'will'), repositories(['shop', 'write']), 'build', otherShop), false)
  assert.equal(may(token('admin', 'gone'), noGrants, 'see-build', closedShop), false)
  const bobs: Resource = { ...closedShop, ownerId: 'bob', repositoryId: 'blog' }
  assert.equal(
    authorize(token('admin', 'ann'), owners(['alice', 'admin'], ['bob', 'admin']), 'see-build', bobs),
    'hidden'
  )
  assert.equal(may(token('admin', 'ann'), owners(['alice', 'admin']), 'administer', platform), false)
})

test('the highest right with anything of an owner says what tokens may be made for', () => {
  assert.equal(highestRight(account('will'), repositories(['shop', 'write'], ['other', 'read']), 'alice'), 'write')
  assert.equal(highestRight(token('deploy', 'will'), repositories(['shop', 'admin']), 'alice'), 'write')
  assert.equal(highestRight(account('will'), repositories(['shop', 'write']), 'bob'), null)
  assert.deepEqual(
    (['read', 'deploy', 'admin'] as const).map((scope) => includesScope('write', scope)),
    [true, true, false]
  )
  assert.equal(includesScope(null, 'read'), false)
  assert.equal(hasGlimpse(repositories(['shop', 'read']), 'alice'), true)
  assert.equal(hasGlimpse(repositories(['shop', 'read']), 'bob'), false)
})

test('a list holds what its action may be done with, and public pages where they are asked for', () => {
  const none = { ownerIds: [], repositoryIds: [], isPublicIncluded: false }
  assert.deepEqual(visibleTo(nobody, noGrants, 'see-build', false), none)
  assert.deepEqual(visibleTo(nobody, noGrants, 'see-build', true), { ...none, isPublicIncluded: true })
  assert.deepEqual(visibleTo(account('eve'), noGrants, 'see-delivery', true), none)
  const grants: Grants = {
    owners: new Map([
      ['alice', 'admin'],
      ['bob', 'read']
    ]),
    repositories: new Map([['blog', { ownerId: 'bob', right: 'admin' as const }]])
  }
  const ann = account('ann')
  assert.deepEqual(visibleTo(ann, grants, 'see-build', false), {
    ownerIds: ['alice', 'bob'],
    repositoryIds: ['blog'],
    isPublicIncluded: false
  })
  assert.deepEqual(visibleTo(ann, grants, 'see-audit', false).ownerIds, ['alice'])
  assert.deepEqual(visibleTo(token('read'), noGrants, 'see-build', false), { ...none, ownerIds: ['alice'] })
  assert.deepEqual(visibleTo(token('read'), noGrants, 'see-audit', false), none)
  assert.deepEqual(visibleTo(token('admin', 'bob'), grants, 'see-build', false).ownerIds, ['alice'])
  const root = asking.at(-1)?.[1] ?? nobody
  assert.deepEqual(visibleTo(root, noGrants, 'see-audit', false), { ...none, ownerIds: null })
})
