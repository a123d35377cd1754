import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ForgeCredential, IdentityProvider } from '@slipway/domain'
import { createApiForTest } from '../api.fixture.ts'

const alice = { forgeUserId: '7', login: 'alice', name: null }

/** A forge that only says who somebody is, and remembers whom it was asked for. */
function createProviderForTest(): IdentityProvider & { asked: ForgeCredential[] } {
  const asked: ForgeCredential[] = []
  const unused = () => Promise.reject(new Error('nobody should call this'))
  return {
    id: 'github',
    name: 'GitHub',
    forgeId: 'github',
    asked,
    begin: unused,
    complete: unused,
    renew: unused,
    async ask(credential) {
      asked.push(credential)
      return { person: alice, rights: { owners: [], repositories: [] } }
    }
  }
}

test('the key of people’s tokens is rotated while they are used, and each opens with the new one', async (t) => {
  const provider = createProviderForTest()
  const { api, store, signIn } = await createApiForTest(t, { providers: [provider], limits: { freshMs: 0 } })
  const credential = { accessToken: 'ghu_of-the-test', refreshToken: null, expiresAt: null }
  const account = await store.accounts.signIn('github', alice, Date.now())
  await signIn.rights.take(account, provider, credential, AbortSignal.timeout(10_000))
  const before = await store.memberships.credential(account.id)

  const asking: Promise<unknown>[] = []
  for (let round = 0; round < 3; round++) {
    asking.push(signIn.rights.grantsOf(account.id))
    const { message } = await api.rotateEncryptionKey({})
    assert.match(message, /values were encrypted with the new key/)
  }
  await Promise.all(asking)
  const after = await store.memberships.credential(account.id)
  assert.notEqual(after?.keyId, before?.keyId)
  assert.notEqual(after?.ciphertext, before?.ciphertext)
  provider.asked.length = 0
  await signIn.rights.grantsOf(account.id)
  assert.deepEqual(provider.asked, [credential])
})
