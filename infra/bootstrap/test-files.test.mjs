import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { contractFiles, runTestFiles, wholeFiles } from './test-files.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const passing = `import { test } from 'node:test'\ntest('a', () => {})\n`
const failing = `import { test } from 'node:test'\ntest('a', () => { throw new Error('no') })\n`

test('contract tests are found in every workspace, those of whole installations in their folder', () => {
  const names = (files) => files.map(({ name }) => name)
  assert.ok(names(contractFiles(root)).includes('packages/store/src/postgres.contract.ts'))
  assert.ok(names(contractFiles(root)).includes('infra/bootstrap/base-images.contract.mjs'))
  assert.ok(names(wholeFiles(root, 'system')).includes('test/system/pipeline.test.ts'))
  assert.ok(names(wholeFiles(root, 'chaos')).every((name) => /^test\/chaos\/[^/]+\.test\.ts$/.test(name)))
})

test('each file is judged by itself, and what it printed is told whole', async (t) => {
  const { results, written } = await runAll(t, { 'a.test.mjs': passing, 'b.test.mjs': failing, 'c.test.mjs': '' }, 2)
  assert.deepEqual(results.map(({ name, passed, failed }) => [name, passed, failed]).sort(byName), [
    ['a.test.mjs', 1, 0],
    ['b.test.mjs', 0, 1],
    // An empty file is one test to the runner.
    ['c.test.mjs', 1, 0]
  ])
  assert.match(written, /b\.test\.mjs\n[^]*Error: no/)
})

test('files that are known to take long begin first, and no more than asked run at a time', async (t) => {
  const note = (what) => `appendFileSync(join(import.meta.dirname, 'notes'), '${what}\\n')`
  const noting = (name) => `import { appendFileSync } from 'node:fs'
    import { join } from 'node:path'
    import { test } from 'node:test'
    ${note(`${name} begins`)}
    test('a', async () => { await new Promise((go) => setTimeout(go, 50)); ${note(`${name} ends`)} })
  `
  const files = Object.fromEntries(
    ['a.test.mjs', 'states.contract.ts', 'z.test.mjs'].map((name) => [name, noting(name)])
  )
  const { notes } = await runAll(t, files, 1)
  assert.deepEqual(
    notes,
    ['states.contract.ts', 'a.test.mjs', 'z.test.mjs'].flatMap((name) => [`${name} begins`, `${name} ends`])
  )
})

const byName = ([a], [b]) => (a < b ? -1 : 1)

async function runAll(t, contents, concurrency) {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-test-files-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const files = Object.entries(contents).map(([name, text]) => {
    const file = join(directory, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return { group: 'x', name, directory, file }
  })
  let written = ''
  const write = (text) => {
    written += text
  }
  // With the environment of a test runner, node:test would report to it instead.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_TEST_CONTEXT'))
  const times = { timeoutMs: 60_000, testTimeoutMs: 60_000 }
  const results = await runTestFiles({ files, env, concurrency, ...times, write, say: () => {} })
  const notes = join(directory, 'notes')
  return { results, written, notes: existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : [] }
}
