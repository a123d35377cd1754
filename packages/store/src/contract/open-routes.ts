import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { openRoutes } from '../open-routes.ts'
import { createStore, type StoreConfig } from '../store.ts'
import { live } from './scene.ts'
import { failure } from './subject.ts'

/** What a gateway reads is what the store says, as soon as there is a store. */
export async function checkOpenRoutes(t: TestContext, config: StoreConfig): Promise<void> {
  await assert.rejects(openRoutes(config), failure('unavailable', /no tables yet/))
  const store = await createStore(config)
  t.after(() => store.close())
  const routes = await openRoutes(config)
  t.after(() => routes.close())
  assert.deepEqual(await routes.routes(), [])
  const before = await routes.routesVersion()

  const { deployments } = await live(store, '1', ['hello', 'world'])
  await store.deployments.setEndpoints(deployments[0]?.id ?? '', [{ host: '10.0.0.2', port: 8080 }], 1)
  const read = await routes.routes()
  assert.deepEqual(read, await store.functions.routes())
  assert.equal(read.length, 2)
  assert.ok((await routes.routesVersion()) > before)
  assert.deepEqual(await routes.keys(), await store.functionKeys.known())
  assert.equal(await routes.routesVersion(), await store.functions.routesVersion())
  assert.equal(await routes.installation(), null)
  const id = await store.settings.ensure('installation', 'i-1')
  assert.equal(await routes.installation(), id)
}
