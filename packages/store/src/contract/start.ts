import assert from 'node:assert/strict'
import { test } from 'node:test'
import { live } from './scene.ts'
import { failure, type Subject } from './subject.ts'

export function startContract({ name, database }: Subject): void {
  test(`${name}: stores that start at once on an empty database make its tables once`, async (t) => {
    const { open } = await database(t)
    const stores = await Promise.all([open(), open(), open(), open()])
    for (const store of stores) await store.ping()
    await live(stores[0], '1', ['hello'])
    assert.equal((await stores[3].functions.routes()).length, 1)
  })

  test(`${name}: a start finds what was stored before`, async (t) => {
    const { open } = await database(t)
    const first = await open()
    await live(first, '1', ['hello'])
    await first.close()
    const second = await open()
    assert.equal((await second.functions.routes())[0]?.clusterName, 'alice-hello')
  })

  test(`${name}: a database that a newer program wrote is refused, and left as it is`, async (t) => {
    const { open, run } = await database(t)
    const store = await open()
    await run(`insert into kysely_migration (name, timestamp) values ('9999-later', '2100-01-01T00:00:00.000Z')`)
    await assert.rejects(open(), failure('invalid-configuration', /newer than this program.*9999-later/))
    await store.settings.set('still', 'here')
    assert.equal(await store.settings.get('still'), 'here')
  })
}
