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

  test(`${name}: a program starts on what the next version has migrated, and not where that says that it is too old`, async (t) => {
    const { open, run } = await database(t)
    const store = await open()
    await live(store, '1', ['hello'])
    await run(`insert into kysely_migration (name, timestamp) values ('9998-later', '2100-01-01T00:00:00.000Z')`)
    const former = await open()
    assert.equal((await former.functions.routes())[0]?.clusterName, 'alice-hello')
    await former.settings.set('still', 'works')
    await run(`update counters set value = 9998 where name = 'oldest-program'`)
    await assert.rejects(open(), failure('invalid-configuration', /newer than this program.*9998-later/))
    assert.equal(await store.settings.get('still'), 'works', 'and it is left as it is')
  })

  test(`${name}: a newer program that says of no older one that it may go on is not worked with`, async (t) => {
    const { open, run } = await database(t)
    await open()
    await run(`delete from counters where name = 'oldest-program'`)
    await run(`insert into kysely_migration (name, timestamp) values ('9999-later', '2100-01-01T00:00:00.000Z')`)
    await assert.rejects(open(), failure('invalid-configuration', /newer than this program.*9999-later/))
  })
}
