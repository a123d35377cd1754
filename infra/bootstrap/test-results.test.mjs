import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { run } from './processes.mjs'
import { judge, splitTurboOutput, testedWorkspaces, total } from './test-results.mjs'

const passing = `import { test } from 'node:test'\ntest('a', () => {})\ntest('b', () => {})\n`

test('a run that passes counts its tests', async (t) => {
  assert.deepEqual(await judged(t, passing), { name: 'x', passed: 2, failed: 0, reason: null })
})

test('a failed test counts as failed, beside those that passed', async (t) => {
  const { passed, failed } = await judged(t, `${passing}test('c', () => { throw new Error('no') })\n`)
  assert.deepEqual({ passed, failed }, { passed: 2, failed: 1 })
})

test('a test process that crashes counts as failed', async (t) => {
  assert.ok((await judged(t, `${passing}setImmediate(() => process.kill(process.pid, 'SIGKILL'))\n`)).failed >= 1)
})

test('a file that cannot be loaded counts as failed', async (t) => {
  assert.equal((await judged(t, `import './missing.mjs'\n`)).failed, 1)
})

test('a run without a single test counts as failed', async (t) => {
  const result = judge('x', await runTests(t, {}))
  assert.deepEqual({ failed: result.failed, reason: result.reason }, { failed: 1, reason: 'ran no test' })
})

test('a test that is skipped or to be done counts as failed: nothing is left out silently', async (t) => {
  const { failed, reason } = await judged(t, `${passing}test.skip('c', () => {})\ntest.todo('d')\n`)
  assert.deepEqual({ failed, reason }, { failed: 2, reason: '2 left out' })
})

test('a runner that ends without a summary counts as failed', () => {
  assert.equal(judge('x', { code: 0, output: 'all is well' }).failed, 1)
})

test('an exit code that no failed test explains counts as failed', async (t) => {
  const { output } = await runTests(t, { 'a.test.mjs': passing })
  assert.equal(judge('x', { code: 1, output }).failed, 1)
})

test('a summary line that a test prints by itself is not believed', async (t) => {
  const { passed } = await judged(t, `${passing}console.log('ℹ pass 1000')\n`)
  assert.equal(passed, 2)
})

test('the summaries of several workspaces are told apart in what turbo prints', async (t) => {
  const [good, bad] = await Promise.all([
    runTests(t, { 'a.test.mjs': passing }),
    runTests(t, { 'a.test.mjs': `${passing}test('c', () => { throw new Error('no') })\n` })
  ])
  const prefixed = (name, { output }) => output.replaceAll(/^/gm, `${name}:test:unit: `)
  const parts = splitTurboOutput(`${prefixed('@a/b', good)}\n${prefixed('@a/c', bad)}\n Tasks: 2\n`, 'test:unit')
  assert.equal(judge('b', { code: 0, output: parts.get('@a/b') }).failed, 0)
  assert.deepEqual(total([...parts].map(([name, output]) => judge(name, { code: 0, output }))), {
    passed: 4,
    failed: 1
  })
})

test('a workspace that has tests but no script to run them is found', (t) => {
  const directory = write(t, { 'src/a.test.ts': '', 'node_modules/x/b.test.ts': '' })
  const empty = write(t, { 'node_modules/x/b.test.ts': '' })
  const all = [
    { name: 'a', directory, manifest: { scripts: {} } },
    { name: 'b', directory, manifest: { scripts: { 'test:unit': 'node --test' } } },
    { name: 'c', directory: empty, manifest: {} }
  ]
  const found = testedWorkspaces(all, 'test:unit', ['.test.ts']).map(({ name, hasScript }) => [name, hasScript])
  assert.deepEqual(found, [
    ['a', false],
    ['b', true]
  ])
})

async function judged(t, text) {
  return judge('x', await runTests(t, { 'a.test.mjs': text }))
}

/** With the environment of a test runner, node:test would report to it instead. */
function runTests(t, files) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_TEST_CONTEXT'))
  return run(process.execPath, ['--test', '**/*.test.mjs'], { cwd: write(t, files), env })
}

function write(t, files) {
  const root = mkdtempSync(join(tmpdir(), 'slipway-results-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}
