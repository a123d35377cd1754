import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const fixture = fileURLToPath(new URL('moving-connections.fixture.ts', import.meta.url))
const inNetworkOfItsOwn = ['--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$1"', process.execPath, fixture]

test('connections that wait for a listener which closes go to the other one on its port, once the kernel is asked to', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root makes networks')
  const { stdout } = await promisify(execFile)('unshare', inNetworkOfItsOwn, { timeout: 60_000 })
  const { before, after } = JSON.parse(stdout) as { before: string[]; after: string[] }
  assert.ok(
    before.some((answer) => answer.includes('ECONNRESET')),
    'by itself it resets them'
  )
  assert.deepEqual(after, ['here'])
})
