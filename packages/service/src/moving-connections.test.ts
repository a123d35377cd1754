import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { letConnectionsMove, movesConnections } from './moving-connections.ts'

async function scene(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-setting-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
  return { file: join(directory, 'tcp_migrate_req'), directory, logger, lines }
}

test('the kernel is asked to move connections where it does not, and is left alone where it does', async (t) => {
  const { file, logger, lines } = await scene(t)
  await writeFile(file, '0\n')
  assert.equal(await movesConnections(file), 'off')
  await letConnectionsMove(logger, file)
  assert.equal((await readFile(file, 'utf8')).trim(), '1')
  assert.deepEqual([await movesConnections(file), lines.length], ['on', 1])
  await letConnectionsMove(logger, file)
  assert.equal(lines.length, 1)
})

test('a kernel that knows no such setting gets a warning that says what is missing, and the service runs', async (t) => {
  const { file, logger, lines } = await scene(t)
  assert.equal(await movesConnections(file), 'unknown')
  await letConnectionsMove(logger, file)
  assert.match(lines.join(''), /"level":40.*sysctl -w net\.ipv4\.tcp_migrate_req=1/)
})
