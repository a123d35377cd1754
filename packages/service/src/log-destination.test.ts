import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

/** A process whose standard error goes to the file; what it prints to standard output, and how it ends. */
async function logTo(file: string, script: string): Promise<{ printed: string; code: number | null }> {
  const stderr = openSync(file, 'a')
  const prelude = `const { createLogger } = await import(${JSON.stringify(new URL('logger.ts', import.meta.url).href)})
    const logger = createLogger('test', 'info');`
  const args = ['--input-type=module', '--eval', prelude + script]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', stderr] })
  closeSync(stderr)
  let printed = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { printed, code }
}

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-log-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'log')
}

test('a service goes on, and ends, when its log cannot be written', async () => {
  const script = `
    for (let i = 0; i < 300; i++) {
      logger.info({ filler: 'x'.repeat(50_000) }, 'a line')
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (process.memoryUsage().rss > 200e6) process.stdout.write('too much memory')
    process.stdout.write('alive')
    process.exit(0)`
  // Every write to it fails as on a full disk.
  assert.deepEqual(await logTo('/dev/full', script), { printed: 'alive', code: 0 })
})

test('every line is written once, also those before an exit', async (t) => {
  const file = temporary(t)
  const script = `
    for (let i = 0; i < 2000; i++) {
      logger.info({ i }, 'a line')
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    process.exit(3)`
  assert.equal((await logTo(file, script)).code, 3)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  assert.deepEqual(
    // What an exit writes itself may overtake what the operating system was given just before.
    lines.map((line) => (JSON.parse(line) as { i: number }).i).sort((a, b) => a - b),
    Array.from({ length: 2000 }, (_, i) => i)
  )
})

test('a process that has nothing else to do ends, and its last line is there', async (t) => {
  const file = temporary(t)
  assert.equal((await logTo(file, `logger.warn('the last one')`)).code, 0)
  assert.match(readFileSync(file, 'utf8'), /the last one/)
})
