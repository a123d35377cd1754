import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkOpenRoutes } from './contract/open-routes.ts'

test('sqlite: a gateway reads the routes of the store, once there is one', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-store-'))
  t.after(() => rmSync(directory, { recursive: true }))
  await checkOpenRoutes(t, { url: null, file: join(directory, 'slipway.db') })
})
