import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createInternalClient } from '@slipway/client'
import { waitFor } from '@slipway/machine'
import { createServer } from '@slipway/service'
import { logger, never } from './deployer.fixture.ts'
import { certificateOf, listenInternal } from './internal-listener.ts'

test('a new deployer takes the socket over, and keeps it when the old one closes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-internal-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'deployer.sock')
  const client = createInternalClient({ socketPath: path }, 'token')
  const listen = async (name: string) => {
    const app = createServer({ logger })
    app.get('/internal/deployments', () => [name])
    t.after(() => app.close())
    await listenInternal(app, path)
    return app
  }
  const old = await listen('old')
  assert.deepEqual(await client.list(never), ['old'])
  await listen('next')
  await old.close()
  // The first question may go to a connection that has just ended with the old one.
  const answered = () => client.list(never).then(String, () => null)
  assert.equal(await waitFor(answered, { timeoutMs: 20_000, what: 'the new one to answer' }), 'next')
})

test('beyond this machine the internal API is served with a certificate or not at all', () => {
  const settings = { INTERNAL_HOST: '0.0.0.0', INTERNAL_PORT: 8083 }
  const refused = { code: 'invalid-configuration' }
  assert.throws(() => certificateOf(settings), { ...refused, message: /not go over a network in the clear/ })
  assert.throws(() => certificateOf({ ...settings, INTERNAL_CERT: 'cert' }), { ...refused, message: /set both/ })
  const given = { ...settings, INTERNAL_CERT: 'cert', INTERNAL_KEY: 'key' }
  assert.deepEqual(certificateOf(given), { cert: 'cert', key: 'key' })
  assert.equal(certificateOf({ ...settings, INTERNAL_HOST: '127.0.0.1' }), null)
  assert.equal(certificateOf({ INTERNAL_HOST: '0.0.0.0' }), null)
})
