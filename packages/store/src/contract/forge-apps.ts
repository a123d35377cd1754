import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ForgeApp, ForgeConnection, ForgeSecret, ForgeSecretUse } from '@slipway/domain'
import { failure, type Subject } from './subject.ts'

const instance = {
  forgeId: 'github',
  kind: 'github' as const,
  baseUrl: 'https://github.com',
  apiUrl: 'https://api.github.com'
}

function appOf(appId: string): ForgeApp {
  return {
    ...instance,
    appId,
    slug: `slipway-${appId}`,
    htmlUrl: `https://github.com/apps/slipway-${appId}`,
    ownerLogin: 'acme',
    isOrganization: true,
    clientId: 'Iv1',
    isHookActive: true,
    createdAt: 5
  }
}

function secretOf(id: string, use: ForgeSecretUse, createdAt = 1, expiresAt: number | null = null): ForgeSecret {
  return { id, forgeId: 'github', use, ciphertext: `of ${id}`, keyId: 'k1', createdAt, expiresAt }
}

function connectionOf(id: string, change: Partial<ForgeConnection> = {}): ForgeConnection {
  return {
    id,
    stateHash: `hash of ${id}`,
    instance,
    organization: 'acme',
    manifest: '{"name":"x"}',
    replaces: null,
    startedBy: 'administrator',
    startedAt: 10,
    expiresAt: 100,
    status: 'started',
    reason: null,
    appId: null,
    ...change
  }
}

export function forgeAppsContract({ name, database }: Subject): void {
  test(`${name}: an App is stored with its secrets, and nothing takes its place unasked`, async (t) => {
    const { forgeApps } = await (await database(t)).open()
    assert.equal(await forgeApps.get('github'), null)
    await forgeApps.put(appOf('1'), [secretOf('a', 'private-key'), secretOf('b', 'webhook')], null)
    assert.deepEqual(await forgeApps.list(), [appOf('1')])
    assert.deepEqual(await forgeApps.secrets('webhook', 2), [secretOf('b', 'webhook')])

    const other = forgeApps.put(appOf('2'), [secretOf('c', 'webhook')], null)
    await assert.rejects(other, failure('conflict', /another App/))
    await assert.rejects(forgeApps.put(appOf('2'), [secretOf('c', 'webhook')], '7'), failure('conflict'))
    assert.deepEqual(await forgeApps.get('github'), appOf('1'))
    assert.deepEqual(await forgeApps.secrets('webhook', 2), [secretOf('b', 'webhook')], 'and it keeps its secrets')

    await forgeApps.setHookActive({ forgeId: 'github', appId: '2' }, false)
    assert.equal((await forgeApps.get('github'))?.isHookActive, true, 'that is another App')
    await forgeApps.setHookActive(appOf('1'), false)
    assert.equal((await forgeApps.get('github'))?.isHookActive, false)

    await forgeApps.put(appOf('2'), [secretOf('c', 'webhook')], '1')
    assert.deepEqual(await forgeApps.list(), [appOf('2')])
    assert.deepEqual(await forgeApps.secrets('private-key', 2), [])
    assert.deepEqual(await forgeApps.secrets('webhook', 2), [secretOf('c', 'webhook')])
  })

  test(`${name}: of two Apps that are stored at once one is`, async (t) => {
    const opened = await database(t)
    const stores = [await opened.open(), await opened.open()]
    const put = stores.map(({ forgeApps }, i) => forgeApps.put(appOf(String(i)), [secretOf(`s${i}`, 'webhook')], null))
    const results = await Promise.allSettled(put)
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const [app] = (await stores[0]?.forgeApps.list()) ?? []
    const [secret] = (await stores[0]?.forgeApps.secrets('webhook', 2)) ?? []
    assert.equal(secret?.id, `s${app?.appId}`)
  })

  test(`${name}: a former secret of a forge counts until it is over`, async (t) => {
    const { forgeApps } = await (await database(t)).open()
    await assert.rejects(forgeApps.addSecret(secretOf('a', 'webhook')), failure('not-found', /not connected/))
    await forgeApps.put(appOf('1'), [secretOf('a', 'webhook', 1), secretOf('k', 'private-key', 1)], null)
    await forgeApps.addSecret(secretOf('b', 'webhook', 2))
    const at = async (now: number) => (await forgeApps.secrets('webhook', now)).map(({ id }) => id)
    assert.deepEqual(await at(3), ['b', 'a'])
    await forgeApps.supersedeSecrets(secretOf('b', 'webhook'), ['b'], 10)
    await forgeApps.supersedeSecrets(secretOf('b', 'webhook'), ['b'], 20)
    assert.deepEqual(await at(9), ['b', 'a'])
    assert.deepEqual(await at(10), ['b'], 'a later end does not put off an earlier one')
    assert.equal((await forgeApps.secrets('private-key', 30)).length, 1, 'those of another use stay')
    assert.equal(await forgeApps.collectSecrets(10), 0)
    assert.equal(await forgeApps.collectSecrets(11), 1)
  })

  test(`${name}: secrets of a forge are encrypted anew one by one, and not over a change`, async (t) => {
    const { forgeApps } = await (await database(t)).open()
    await forgeApps.put(appOf('1'), [secretOf('a', 'webhook'), secretOf('k', 'private-key')], null)
    const stale = async () => (await forgeApps.encryptedOtherwise('webhook', 'k2')).map(({ id }) => id)
    assert.deepEqual(await stale(), ['a'])
    await forgeApps.reencrypt('a', 'of a', { ciphertext: 'A', keyId: 'k2' })
    await forgeApps.reencrypt('a', 'of a', { ciphertext: 'late', keyId: 'k3' })
    assert.deepEqual(await stale(), [])
    assert.equal((await forgeApps.secrets('webhook', 2))[0]?.ciphertext, 'A')
  })

  test(`${name}: an attempt to connect is taken once, in time, by who has its state`, async (t) => {
    const opened = await database(t)
    const stores = [await opened.open(), await opened.open()]
    const [{ forgeConnections }] = stores as [(typeof stores)[number]]
    await forgeConnections.begin(connectionOf('a'))
    await forgeConnections.begin(connectionOf('b'))
    assert.deepEqual(await forgeConnections.get('a'), connectionOf('a'))
    assert.equal(await forgeConnections.take('hash of nothing', 50), null)
    assert.equal(await forgeConnections.take('hash of a', 100), null, 'it is over')
    const taken = await Promise.all(stores.map((store) => store.forgeConnections.take('hash of b', 50)))
    assert.equal(taken.filter((one) => one !== null).length, 1)
    assert.deepEqual(
      taken.find((one) => one !== null),
      connectionOf('b', { status: 'converting' })
    )
    await forgeConnections.finish('a', { status: 'failed', reason: 'no', appId: null })
    assert.equal((await forgeConnections.get('a'))?.status, 'started', 'what nobody took does not end')
    await forgeConnections.finish('b', { status: 'connected', appId: '7' })
    await forgeConnections.finish('b', { status: 'failed', reason: 'late', appId: null })
    const ended = connectionOf('b', { status: 'connected', appId: '7' })
    assert.deepEqual(await forgeConnections.findByState('hash of b'), ended)
    assert.equal(await forgeConnections.collect(100), 0)
    assert.equal(await forgeConnections.collect(101), 2)
    assert.equal(await forgeConnections.get('b'), null)
  })
}
