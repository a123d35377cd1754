import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { readGroupRights, rightsOfClaims } from './oidc-rights.ts'

const rights = readGroupRights(
  'shop devs=alice:write; boss=alice:admin;boss=bob:read;cn=ops,dc=acme=bob:write;',
  'groups'
)
const slugsOf = (claims: Record<string, unknown>) => rightsOfClaims(rights, claims).slugs

test('members of a group have its rights, of several groups the highest', () => {
  assert.deepEqual(slugsOf({ groups: ['shop devs', 'others'] }), [{ slug: 'alice', right: 'write' }])
  const both = [
    { slug: 'alice', right: 'admin' },
    { slug: 'bob', right: 'write' }
  ]
  assert.deepEqual(slugsOf({ groups: ['boss', 'shop devs', 'cn=ops,dc=acme'] }), both)
  assert.deepEqual(slugsOf({ groups: ['cn=ops,dc=acme', 'shop devs', 'boss'] })?.toSorted(bySlug), both)
  assert.deepEqual(slugsOf({ groups: 'shop devs' }), [{ slug: 'alice', right: 'write' }])
})

const bySlug = (a: { slug: string }, b: { slug: string }) => (a.slug < b.slug ? -1 : 1)

test('no claim, another claim, or anything but names of groups gives nothing', () => {
  for (const groups of [undefined, null, {}, 7, [7, null, ['boss']], ['Boss', ' boss', ''], 'boss,shop devs']) {
    assert.deepEqual(slugsOf({ groups, roles: ['boss'] }), [], JSON.stringify(groups))
  }
  assert.deepEqual(slugsOf({ groups: ['__proto__', 'constructor'] }), [])
})

test('an entry that cannot be read is named', () => {
  for (const text of [
    'boss',
    'boss=alice',
    'boss=alice:owner',
    'boss=Alice Inc:read',
    '=alice:read',
    'boss=api:read'
  ]) {
    assert.throws(
      () => readGroupRights(`ok=alice:read;${text}`, 'groups'),
      (err) => err instanceof Failure && err.code === 'invalid-configuration' && err.message.includes(`"${text}"`),
      text
    )
  }
  assert.equal(readGroupRights(' ; ', 'groups').byGroup.size, 0)
})
