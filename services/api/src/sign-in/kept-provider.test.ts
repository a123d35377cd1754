import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type ForgeApp, type ForgeSecret, forgeSecretIdentity, type IdentityProvider } from '@slipway/domain'
import { createGitHubSignIn } from '@slipway/forge'
import { encrypt, type Keyring, newEncryptionKey } from '@slipway/secrets'
import { createLogger } from '@slipway/service'
import { createStore } from '@slipway/store'
import { followKeptProvider } from './kept-provider.ts'

const instance = {
  forgeId: 'github',
  kind: 'github' as const,
  baseUrl: 'http://127.0.0.1:9',
  apiUrl: 'http://127.0.0.1:9/api/v3'
}
const app: ForgeApp = {
  ...instance,
  appId: '1',
  slug: 'slipway',
  htmlUrl: 'http://127.0.0.1:9/apps/slipway',
  ownerLogin: 'acme',
  isOrganization: true,
  clientId: 'Iv1.first',
  isHookActive: true,
  createdAt: 1
}
const about = { timeoutMs: 1000, now: () => 1000 }

async function createForTest(t: TestContext, configured: IdentityProvider[] = []) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-provider-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  const keyring: Keyring = [newEncryptionKey()]
  const providers = [...configured]
  const kept = await followKeptProvider({
    ...about,
    store,
    providers,
    keyring: () => Promise.resolve(keyring),
    logger: createLogger('test', 'silent')
  })
  t.after(async () => {
    await kept.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  const secretOf = (id: string): ForgeSecret => {
    const identity = { id, forgeId: 'github', use: 'sign-in' as const }
    const ciphertext = encrypt(keyring, Buffer.from('a secret'), forgeSecretIdentity(identity))
    return { ...identity, ciphertext, keyId: keyring[0].id, createdAt: 1, expiresAt: null }
  }
  const clientOf = async (provider: IdentityProvider | undefined) => {
    const { address } = (await provider?.begin('http://127.0.0.1/callback', AbortSignal.timeout(10_000))) ?? {}
    return address === undefined ? null : new URL(address).searchParams.get('client_id')
  }
  return { store, providers, kept, secretOf, clientOf }
}

test('the App that was connected lets people sign in, another one in its place does, and without any nobody is', async (t) => {
  const { store, providers, kept, secretOf, clientOf } = await createForTest(t)
  assert.deepEqual(providers, [])
  await store.forgeApps.put(app, [secretOf('a')], null)
  await kept.look()
  assert.equal(await clientOf(providers[0]), 'Iv1.first')
  const [before] = providers
  await kept.look()
  assert.equal(providers[0], before, 'what did not change is left alone')

  await store.forgeApps.put({ ...app, appId: '2', clientId: 'Iv1.second' }, [secretOf('b')], '1')
  await kept.look()
  assert.deepEqual([providers.length, await clientOf(providers[0])], [1, 'Iv1.second'])

  await store.forgeApps.put({ ...app, appId: '3', clientId: null }, [], '2')
  await kept.look()
  assert.deepEqual(providers, [])
})

test('a client that settings name stays, whatever is connected', async (t) => {
  const configured = createGitHubSignIn({ ...about, instance, clientId: 'Iv1.settings', clientSecret: 'x'.repeat(20) })
  const { store, providers, kept, secretOf } = await createForTest(t, [configured])
  await store.forgeApps.put(app, [secretOf('a')], null)
  await kept.look()
  assert.deepEqual(providers, [configured])
})
