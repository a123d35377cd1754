import { after, before } from 'node:test'
import type { Store } from '@slipway/domain'
import { startPostgres, type TestPostgres } from '@slipway/testing'
import { Client } from 'pg'
import { storeContract } from './contract/all.ts'
import { createStore } from './store.ts'

let server: TestPostgres
before(async () => {
  server = await startPostgres()
})
after(() => server.stop())

storeContract({
  name: 'postgres',
  async database(t) {
    const url = await server.makeDatabase()
    const stores: Store[] = []
    t.after(async () => {
      for (const store of stores) await store.close()
    })
    return {
      async open() {
        const store = await createStore({ url, file: '' })
        stores.push(store)
        return store
      },
      async run(statement) {
        const client = new Client({ connectionString: url })
        await client.connect()
        await client.query(statement)
        await client.end()
      }
    }
  }
})
