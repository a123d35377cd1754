import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCommandLineForTest } from './commands.fixture.ts'

test('the administrator sees how every part is, with what a forge still lets be called, and room', async (t) => {
  const { slipway, store, isDeployerAway } = await createCommandLineForTest(t)
  const about = { id: 'builder-1', kind: 'builder' as const, host: 'one', version: '1.0.0', startedAt: 5 }
  const facts = {
    disks: [
      {
        what: 'the state directory',
        path: '/state',
        freeBytes: 3 * 1024 ** 3,
        totalBytes: 1024 ** 4,
        wantedBytes: 2 ** 20
      }
    ],
    uses: [{ what: "the engine's build cache", bytes: 1536, limitBytes: 2048 }]
  }
  await store.services.tell({ ...about, facts, seenAt: Date.now() })
  const { stdout, code, stderr } = await slipway('admin', 'health')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^ok +database +it answers$/m)
  assert.match(stdout, /^ok +github +it delivers pushes$/m)
  assert.match(stdout, /^ {3}github: 4800 of 5000 calls left for acme, all again in \d+ min$/m)
  assert.match(stdout, /^ {3}github: last error of a call \d+ d ago: GitHub gave no answer to GET \/app$/m)
  assert.match(stdout, /^ok +builder +1\.0\.0 +one +\d+ s ago$/m)
  assert.match(stdout, /^ok +the state directory at one +3\.0 GiB +1\.0 TiB +1\.0 MiB$/m)
  assert.match(stdout, /^the engine's build cache at one +1\.5 KiB +2\.0 KiB$/m)

  isDeployerAway.value = true
  const away = await slipway('admin', 'health')
  assert.equal(away.code, 1)
  assert.match(away.stdout, /^!! +deployer +the deployer does not answer/m)
  const told = JSON.parse((await slipway('admin', 'health', '--json')).stdout) as {
    parts: { isOk: boolean }[]
    forges: unknown[]
  }
  assert.ok(told.parts.some(({ isOk }) => !isOk))
})
