import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Failure, type ForgeApi, type ForgeApp } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { createFollowedForges } from './followed-forges.ts'

const appOf = (forgeId: string): ForgeApp => ({
  forgeId,
  kind: 'github',
  baseUrl: `https://${forgeId}.test`,
  apiUrl: `https://${forgeId}.test/api`,
  appId: '1',
  slug: 'slipway',
  htmlUrl: `https://${forgeId}.test/apps/slipway`,
  ownerLogin: 'alice',
  isOrganization: false,
  clientId: null,
  isHookActive: true,
  createdAt: 1
})

/** What is in the store, and whose credentials can be opened. */
async function createFollowedForTest(t: TestContext, apps: ForgeApp[]) {
  const closed = new Set<string>()
  const followed = await createFollowedForges({
    store: { forgeApps: { list: async () => [...apps] } },
    credentials: {
      openerId: async ({ forgeId }) => `key of ${forgeId}`,
      opener: async ({ forgeId }) => {
        if (closed.has(forgeId)) throw new Failure('invalid-configuration', `${forgeId} cannot be opened`)
        return { id: `key of ${forgeId}`, text: 'pem' }
      }
    },
    configured: [],
    open: (app) => ({ instance: app }) as unknown as ForgeApi,
    logger: createLogger('test', 'silent')
  })
  t.after(() => followed.loop.close())
  return { followed, closed }
}

test('a forge whose credentials cannot be opened keeps no other one from being followed, and who listens hears of it', async (t) => {
  const apps: ForgeApp[] = []
  const { followed, closed } = await createFollowedForTest(t, apps)
  let told = 0
  followed.onChange(() => {
    told += 1
  })
  closed.add('broken')
  apps.push(appOf('first'), appOf('broken'), appOf('last'))
  await assert.rejects(followed.look(), /broken cannot be opened/)
  assert.deepEqual([[...followed.forges.keys()], told], [['first', 'last'], 1])
  closed.clear()
  await followed.look()
  assert.deepEqual([[...followed.forges.keys()].sort(), told], [['broken', 'first', 'last'], 2])
})
