import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureDashboard, hashOf } from './dashboard.mjs'

function createRoot(t) {
  const root = mkdtempSync(join(tmpdir(), 'slipway-page-'))
  t.after(() => rmSync(root, { recursive: true }))
  const write = (path, text) => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  write('services/dashboard/src/main.tsx', 'one')
  write('packages/client/src/routes.ts', 'routes')
  write('package-lock.json', '{}')
  // Stands in for the builder: it counts how often it is called.
  write(
    'node_modules/vite/bin/vite.js',
    "require('node:fs').mkdirSync('dist', { recursive: true }); require('node:fs').appendFileSync('dist/calls', 'x')"
  )
  return { root, write }
}

test('the page is built once, and again when a source, the contract or a library changed', async (t) => {
  const { root, write } = createRoot(t)
  const said = []
  const ensure = () =>
    ensureDashboard({ root, env: process.env, node: process.execPath, say: (line) => said.push(line) })
  await ensure()
  await ensure()
  assert.equal(said.length, 1)
  for (const path of ['services/dashboard/src/main.tsx', 'packages/client/src/routes.ts', 'package-lock.json']) {
    write(path, `changed ${path}`)
    await ensure()
    await ensure()
  }
  assert.equal(said.length, 4)
})

test('what is built is no source of itself', (t) => {
  const { root, write } = createRoot(t)
  const before = hashOf(root)
  write('services/dashboard/dist/index.html', 'built')
  assert.equal(hashOf(root), before)
})

test('a page that cannot be built stops the command and says why', async (t) => {
  const { root, write } = createRoot(t)
  write('node_modules/vite/bin/vite.js', "console.error('a mistake in main.tsx'); process.exit(1)")
  await assert.rejects(
    ensureDashboard({ root, env: process.env, node: process.execPath, say() {} }),
    /could not be built:\na mistake in main\.tsx/
  )
})
