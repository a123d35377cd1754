import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ForgeApp } from '@slipway/domain'
import { dumpStore } from '../dump.ts'
import { connectedForges } from '../forge-apps.ts'
import { restoreStore } from '../restore.ts'
import { createStore, type StoreConfig } from '../store.ts'
import { live, queued } from './scene.ts'
import { failure, firstPage } from './subject.ts'

const dumpedAt = Date.parse('2026-01-02T03:04:05Z')
const calm = { force: false, dumpedAt, now: 9 }

async function* linesOf(lines: string[]): AsyncGenerator<string> {
  yield* lines
}

async function openStore(t: TestContext, config: StoreConfig) {
  const store = await createStore(config)
  let isOpen = true
  const close = async () => {
    if (isOpen) await store.close()
    isOpen = false
  }
  t.after(close)
  return { store, close }
}

/** Dumping from one kind of database into another. `empty` gives a database of its own that nothing was ever put into. */
export function dumpContract(
  name: string,
  from: { empty(t: TestContext): Promise<StoreConfig> },
  to: { empty(t: TestContext): Promise<StoreConfig> }
): void {
  test(`${name}: who only looks sees the forges that are connected, and makes no tables`, async (t) => {
    const source = await from.empty(t)
    assert.deepEqual(await connectedForges(source), [])
    const { store } = await openStore(t, source)
    assert.deepEqual(await connectedForges(source), [])
    const app: ForgeApp = {
      forgeId: 'github',
      kind: 'github',
      baseUrl: 'https://github.com',
      apiUrl: 'https://api.github.com',
      appId: '1',
      slug: 'slipway-1',
      htmlUrl: 'https://github.com/apps/slipway-1',
      ownerLogin: 'acme',
      isOrganization: true,
      clientId: 'Iv1',
      isHookActive: false,
      createdAt: 1_700_000_000_000
    }
    await store.forgeApps.put(app, [], null)
    assert.deepEqual(await connectedForges(source), [app])
  })

  test(`${name}: a restored store is what the dumped one was, and goes on`, async (t) => {
    const source = await from.empty(t)
    const { store } = await openStore(t, source)
    const { claim, deployments } = await live(store, '1', ['hello', 'other'])
    await store.functions.pause(claim.build.ownerId, 'hello', 5)
    await store.settings.set('a', 'umlauts äöü, "quotes", \\ and \n line feeds')
    await store.logs.append(claim.build.id, [
      { at: 1, step: 'build', functionName: null, stream: 'stdout', text: 'built' }
    ])
    for (let i = 0; i < 2500; i++) {
      await store.audit.append({ at: i, actor: 'a', action: 'b', ownerId: null, resource: 'c', detail: { i } })
    }
    const lines = await Array.fromAsync(dumpStore(source))

    const target = await to.empty(t)
    const { rows } = await restoreStore(target, linesOf(lines), calm)
    assert.ok(rows > 2500)
    const { store: restored } = await openStore(t, target)
    assert.deepEqual(await restored.functions.routes(), await store.functions.routes())
    assert.equal(await restored.functions.routesVersion(), await store.functions.routesVersion())
    assert.deepEqual(await restored.builds.get(claim.build.id), await store.builds.get(claim.build.id))
    assert.deepEqual(
      await restored.deployments.get(deployments[0]?.id ?? ''),
      await store.deployments.get(deployments[0]?.id ?? '')
    )
    assert.equal((await restored.functions.get(claim.build.ownerId, 'hello'))?.isPaused, true)
    assert.equal(await restored.settings.get('a'), await store.settings.get('a'))
    assert.equal((await restored.logs.read(claim.build.id, 0, 9))[0]?.text, 'built')
    const [own, ...audited] = await restored.audit.list(null, { ...firstPage, limit: 3000 })
    assert.deepEqual(
      { ...own, id: '' },
      {
        id: '',
        at: 9,
        actor: 'administrator',
        action: 'restore',
        ownerId: null,
        resource: 'installation',
        detail: { backup: '2026-01-02T03:04:05.000Z', rows }
      }
    )
    assert.deepEqual(audited, await store.audit.list(null, { ...firstPage, limit: 3000 }))
    const next = await live(restored, '2', ['other'])
    assert.ok(next.claim.build.generation > claim.build.generation, 'generations go on')
    assert.deepEqual(
      lines.filter((line) => line.includes('"table"')).length,
      (await Array.fromAsync(dumpStore(target))).filter((line) => line.includes('"table"')).length
    )
  })

  test(`${name}: a dump is of one moment, while the store goes on being written to`, async (t) => {
    const source = await from.empty(t)
    const { store } = await openStore(t, source)
    await live(store, '1', ['hello'])
    const dump = dumpStore(source)
    const lines: string[] = [(await dump.next()).value as string]
    await live(store, '2', ['hello', 'later'])
    for await (const line of dump) lines.push(line)
    const target = await to.empty(t)
    await restoreStore(target, linesOf(lines), calm)
    const { store: restored } = await openStore(t, target)
    assert.deepEqual(
      (await restored.functions.list(null, {}, { before: null, limit: 10 })).map((one) => one.name),
      ['hello']
    )
    assert.equal((await restored.builds.list(null, {}, firstPage)).length, 1)
  })

  test(`${name}: over what is there it is restored only when forced to, and never while somebody works with it`, async (t) => {
    const source = await from.empty(t)
    const { store } = await openStore(t, source)
    await live(store, '1', ['hello'])
    const lines = await Array.fromAsync(dumpStore(source))
    const target = await to.empty(t)
    const first = await openStore(t, target)
    await queued(first.store, '9')
    await first.store.settings.lease('deployer', 'somebody', 4000, 1000)
    await first.close()
    const restore = (options: { force: boolean; now: number }) =>
      restoreStore(target, linesOf(lines), { ...options, dumpedAt })
    await assert.rejects(restore({ force: false, now: 9000 }), failure('conflict', /--force/))
    await assert.rejects(restore({ force: true, now: 2000 }), failure('conflict', /stop Slipway first/))
    await restore({ force: true, now: 9000 })
    const { store: restored } = await openStore(t, target)
    assert.equal((await restored.builds.list(null, {}, firstPage)).length, 1)
    assert.equal((await restored.functions.routes()).length, 1)
  })

  test(`${name}: a dump that was cut short, of a newer program, or none at all changes nothing`, async (t) => {
    const source = await from.empty(t)
    const { store } = await openStore(t, source)
    await live(store, '1', ['hello'])
    const lines = await Array.fromAsync(dumpStore(source))
    const target = await to.empty(t)
    const refuse = (dump: string[], code: string, message: RegExp) =>
      assert.rejects(restoreStore(target, linesOf(dump), calm), failure(code, message))
    await refuse(lines.slice(0, -1), 'invalid-request', /cut short/)
    await refuse([...lines.slice(0, -2), lines.at(-1) ?? ''], 'invalid-request', /not whole/)
    await refuse(['{"hello":"world"}'], 'invalid-request', /no dump/)
    await refuse([lines[0]?.replace('0001-', '0000-') ?? ''], 'invalid-configuration', /newer than this program/)
    await restoreStore(target, linesOf(lines), calm)
  })
}
