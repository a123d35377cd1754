import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Store } from '@slipway/domain'
import { storeContract } from './contract/all.ts'
import { createStore } from './store.ts'

storeContract({
  name: 'sqlite',
  async database(t) {
    const directory = mkdtempSync(join(tmpdir(), 'slipway-store-'))
    const file = join(directory, 'slipway.db')
    const stores: Store[] = []
    t.after(async () => {
      for (const store of stores) await store.close()
      rmSync(directory, { recursive: true })
    })
    return {
      async open() {
        const store = await createStore({ url: null, file })
        stores.push(store)
        return store
      },
      async run(statement) {
        const database = new DatabaseSync(file)
        database.exec(statement)
        database.close()
      }
    }
  }
})
