import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Person, Store } from '@slipway/domain'
import { forgeRepository, shop, twoStores } from './scene.ts'
import { failure, firstPage, type Subject } from './subject.ts'

const person = (id: string, login: string): Person => ({ forgeUserId: id, login, name: null })
const open = (store: Store, tokenHash: string, accountId: string | null, now = 0, idleUntil = 100, expiresAt = 1000) =>
  store.sessions.open({ tokenHash, accountId, idleUntil, expiresAt }, now)

export function peopleContract({ name, database }: Subject): void {
  test(`${name}: who signs in twice at once is one account, known by the number and called as the forge says last`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const made = await atOnce(6, (one, i) => one.accounts.signIn('github', person('7', `alice-${i}`), i))
    assert.equal(new Set(made.map(({ id }) => id)).size, 1)
    const again = await store.accounts.signIn('github', { ...person('7', 'alice'), name: 'Alice' }, 9)
    assert.deepEqual([again.login, again.name, again.signedInAt], ['alice', 'Alice', 9])
    assert.deepEqual(await store.accounts.findByForge('github', '7'), again)
    assert.equal((await store.accounts.list(firstPage)).length, 1)
  })

  test(`${name}: the same login under another number, or at another forge, is somebody else`, async (t) => {
    const store = await (await database(t)).open()
    const alice = await store.accounts.signIn('github', person('7', 'alice'), 1)
    await store.accounts.setAdministrator(alice.id, true)
    const stranger = await store.accounts.signIn('github', person('8', 'alice'), 2)
    const elsewhere = await store.accounts.signIn('gitlab', person('7', 'alice'), 3)
    assert.equal(new Set([alice.id, stranger.id, elsewhere.id]).size, 3)
    assert.deepEqual([stranger.isAdministrator, elsewhere.isAdministrator], [false, false])
    assert.equal((await store.accounts.get(alice.id))?.isAdministrator, true)
  })

  test(`${name}: an administrator is made and unmade, and signing in again changes nothing about it`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await store.accounts.signIn('github', person('7', 'alice'), 1)
    assert.equal(await store.accounts.hasAdministrator(), false)
    await store.accounts.setAdministrator(id, true)
    assert.equal((await store.accounts.signIn('github', person('7', 'alice'), 2)).isAdministrator, true)
    assert.equal(await store.accounts.hasAdministrator(), true)
    assert.equal((await store.accounts.setAdministrator(id, false)).isAdministrator, false)
    await assert.rejects(store.accounts.setAdministrator('nobody', true), failure('not-found'))
  })

  test(`${name}: a session ends when it idles, and in any case at its end; being used puts off the former alone`, async (t) => {
    const store = await (await database(t)).open()
    const account = await store.accounts.signIn('github', person('7', 'alice'), 1)
    const { id } = await open(store, 'hash', account.id)
    assert.deepEqual((await store.sessions.find('hash', 99))?.account, account)
    assert.equal(await store.sessions.find('another', 99), null)
    assert.equal(await store.sessions.find('hash', 100), null)
    await store.sessions.putOff(id, 5000)
    assert.equal((await store.sessions.find('hash', 999))?.id, id)
    assert.equal(await store.sessions.find('hash', 1000), null)
  })

  test(`${name}: signing out ends one session, everywhere all of that account's and nobody else's`, async (t) => {
    const store = await (await database(t)).open()
    const alice = await store.accounts.signIn('github', person('7', 'alice'), 1)
    const bob = await store.accounts.signIn('github', person('8', 'bob'), 1)
    const here = await open(store, 'a1', alice.id)
    for (const hash of ['a2', 'a3']) await open(store, hash, alice.id)
    await open(store, 'b1', bob.id)
    await open(store, 'admin', null)
    const left = async () => {
      const found = ['a1', 'a2', 'a3', 'b1', 'admin'].map(async (hash) => ({
        hash,
        is: await store.sessions.find(hash, 1)
      }))
      return (await Promise.all(found)).flatMap(({ hash, is }) => (is === null ? [] : [hash]))
    }
    await store.sessions.end(here.id)
    assert.deepEqual(await left(), ['a2', 'a3', 'b1', 'admin'])
    assert.equal(await store.sessions.endAll(alice.id), 2)
    assert.deepEqual(await left(), ['b1', 'admin'])
    assert.equal(await store.sessions.endAll(null), 1)
    assert.deepEqual(await left(), ['b1'])
  })

  test(`${name}: sessions that are over do not pile up`, async (t) => {
    const base = await database(t)
    const store = await base.open()
    await open(store, 'idle', null, 0, 10, 1000)
    await open(store, 'over', null, 0, 1000, 10)
    await open(store, 'new', null, 20)
    // Had they only been hidden, an earlier clock would show them.
    assert.deepEqual([await store.sessions.find('idle', 1), await store.sessions.find('over', 1)], [null, null])
  })

  test(`${name}: a ticket is taken once, by one of many at the same moment, until its end, and only as what it is`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const issue = (kind: string, hash: string) => store.tickets.issue({ kind, hash, data: hash, expiresAt: 100 }, 0)
    await issue('claim', 'x')
    assert.equal(await store.tickets.take('sign-in', 'x', 1), null)
    assert.equal(await store.tickets.peek('claim', 'x', 1), 'x')
    const taken = await atOnce(6, (one) => one.tickets.take('claim', 'x', 1))
    assert.deepEqual(
      taken.filter((data) => data !== null),
      ['x']
    )
    await issue('claim', 'late')
    assert.equal(await store.tickets.peek('claim', 'late', 100), null)
    assert.equal(await store.tickets.take('claim', 'late', 100), null)
    await issue('claim', 'one')
    await issue('sign-in', 'two')
    await store.tickets.revoke('claim')
    assert.deepEqual(
      [await store.tickets.take('claim', 'one', 1), await store.tickets.take('sign-in', 'two', 1)],
      [null, 'two']
    )
  })

  test(`${name}: rights are kept by the forge's numbers and told by ours, of that forge alone, as the forge said last`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await store.accounts.signIn('github', person('7', 'alice'), 1)
    assert.equal(await store.memberships.grants(id), null)
    const rights = {
      owners: [{ forgeOwnerId: '1', right: 'admin' as const }],
      repositories: [
        { forgeRepositoryId: '9', right: 'write' as const },
        { forgeRepositoryId: '404', right: 'read' as const }
      ]
    }
    await store.memberships.replace(id, { person: person('7', 'alice-now'), rights }, 5)
    assert.equal((await store.accounts.get(id))?.login, 'alice-now')
    assert.deepEqual(await store.memberships.grants(id), {
      grants: { owners: new Map(), repositories: new Map() },
      askedAt: 5
    })
    // What is connected later is covered at once; what has the same numbers elsewhere never.
    const own = await store.repositories.connect('github', shop, 1)
    const other = await store.repositories.connect('github', forgeRepository('bob/tool', 9, 2), 1)
    await store.repositories.connect('gitlab', shop, 1)
    await store.repositories.connect('gitlab', forgeRepository('bob/tool', 9, 2), 1)
    assert.deepEqual((await store.memberships.grants(id))?.grants, {
      owners: new Map([[own.ownerId, 'admin']]),
      repositories: new Map([[other.id, { ownerId: other.ownerId, right: 'write' }]])
    })
    await store.memberships.replace(id, { person: person('7', 'alice'), rights: { owners: [], repositories: [] } }, 6)
    assert.deepEqual((await store.memberships.grants(id))?.grants, { owners: new Map(), repositories: new Map() })
  })

  test(`${name}: rights by the name of an owner are told of whoever has that name now, whatever its forge`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await store.accounts.signIn('https://login.test', person('subject', 'alice'), 1)
    const rights = {
      owners: [],
      repositories: [],
      slugs: [
        { slug: 'alice', right: 'write' as const },
        { slug: 'carol', right: 'admin' as const },
        { slug: 'nobody', right: 'admin' as const }
      ]
    }
    await store.memberships.replace(id, { person: person('subject', 'alice'), rights }, 5)
    const { ownerId } = await store.repositories.connect('github', shop, 1)
    const carol = await store.owners.add('carol', 1)
    const owners = async () => (await store.memberships.grants(id))?.grants.owners
    assert.deepEqual(
      await owners(),
      new Map([
        [ownerId, 'write'],
        [carol.id, 'admin']
      ])
    )
    await store.owners.setSlug(ownerId ?? '', 'alicia')
    assert.deepEqual(await owners(), new Map([[carol.id, 'admin']]))
    await store.memberships.replace(id, { person: person('subject', 'alice'), rights: { ...rights, slugs: [] } }, 6)
    assert.deepEqual(await owners(), new Map())
  })

  test(`${name}: thousands of rights are kept in one go`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await store.accounts.signIn('github', person('7', 'alice'), 1)
    const repositories = Array.from({ length: 2500 }, (_, i) => ({
      forgeRepositoryId: String(i),
      right: 'read' as const
    }))
    await store.memberships.replace(id, { person: person('7', 'alice'), rights: { owners: [], repositories } }, 5)
    const { id: repositoryId } = await store.repositories.connect('github', forgeRepository('bob/last', 2499, 2), 1)
    assert.equal((await store.memberships.grants(id))?.grants.repositories.get(repositoryId)?.right, 'read')
  })

  test(`${name}: one process at a time asks a forge about an account, and what the forge takes back ends everything`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const { id } = await store.accounts.signIn('github', person('7', 'alice'), 1)
    const claims = await atOnce(4, (one) => one.memberships.claim(id, 100, 1))
    assert.equal(claims.filter(Boolean).length, 1)
    assert.equal(await store.memberships.claim(id, 200, 100), true)
    await store.memberships.release(id)
    assert.equal(await store.memberships.claim(id, 200, 101), true)

    await store.memberships.setCredential(id, { ciphertext: 'sealed', keyId: 'k' })
    assert.deepEqual(await store.memberships.credential(id), { ciphertext: 'sealed', keyId: 'k' })
    const { memberships } = store
    assert.deepEqual(await memberships.encryptedOtherwise('k', 10), [])
    const stale = [{ accountId: id, ciphertext: 'sealed', keyId: 'k' }]
    assert.deepEqual(await memberships.encryptedOtherwise('k2', 10), stale)
    await memberships.reencrypt(id, 'changed meanwhile', { ciphertext: 'lost', keyId: 'k2' })
    assert.deepEqual(await memberships.encryptedOtherwise('k2', 10), stale)
    await memberships.reencrypt(id, 'sealed', { ciphertext: 'sealed anew', keyId: 'k2' })
    assert.deepEqual(await memberships.credential(id), { ciphertext: 'sealed anew', keyId: 'k2' })
    assert.deepEqual(await memberships.encryptedOtherwise('k2', 10), [])
    await store.memberships.replace(id, { person: person('7', 'alice'), rights: { owners: [], repositories: [] } }, 6)
    await open(store, 'hash', id)
    await store.memberships.forget(id)
    assert.equal(await store.memberships.credential(id), null)
    assert.equal(await store.memberships.grants(id), null)
    assert.equal(await store.sessions.find('hash', 1), null)
    assert.equal((await store.accounts.get(id))?.login, 'alice')
  })
}
