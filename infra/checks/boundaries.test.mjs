import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findViolations, importsOf } from './boundaries.mjs'

const manifests = {
  'packages/domain': {},
  'packages/store': {
    dependencies: { '@slipway/domain': '*', kysely: '^1' },
    devDependencies: { '@slipway/testing': '*', '@types/pg': '*' }
  },
  'packages/queue': { dependencies: { '@slipway/domain': '*', bullmq: '^1' } },
  'packages/testing': { dependencies: { '@slipway/domain': '*' } },
  'packages/machine': { dependencies: { '@slipway/domain': '*' } },
  'services/api': {
    dependencies: { '@slipway/domain': '*', '@slipway/store': '*' },
    devDependencies: { '@slipway/testing': '*' }
  },
  'services/builder': { dependencies: { '@slipway/domain': '*' } },
  'services/cli': { dependencies: { '@slipway/api': '*', '@slipway/builder': '*', '@slipway/machine': '*' } },
  test: { devDependencies: { '@slipway/store': '*', '@slipway/api': '*' } }
}

const allowed = {
  'packages/domain/src/index.ts': `export * from './build.ts'\n`,
  'packages/domain/src/build.ts': `import { createHash } from 'node:crypto'\nexport const x = createHash\n`,
  'packages/store/src/index.ts': `import { Kysely } from 'kysely'\nimport type { Pool } from 'pg'\nimport { Failure } from '@slipway/domain'\n`,
  'packages/store/src/store.test.ts': `import { f } from '@slipway/testing'\nconst home = process.env.HOME\n`,
  'services/api/src/main.ts': `import { createStore } from '@slipway/store'\nconst port = process.env.PORT\n`,
  'services/cli/src/up.ts': `import { startApi } from '@slipway/api'\nimport { startRedis } from '@slipway/machine'\n`,
  'test/system/push.test.ts': `import { createStore } from '@slipway/store'\n`
}

test('a repository whose imports go one way has no violations', (t) => {
  assert.deepEqual(findViolations(repository(t, allowed)), [])
})

const refused = [
  [
    'a package imports a service',
    'packages/store/src/a.ts',
    `import { x } from '@slipway/api'`,
    /services are above packages/
  ],
  [
    'a package imports another package',
    'packages/store/src/a.ts',
    `import { x } from '@slipway/queue'`,
    /a package imports domain alone/
  ],
  [
    'domain imports a package',
    'packages/domain/src/a.ts',
    `import { x } from '@slipway/store'`,
    /domain imports no other/
  ],
  [
    'a service imports a service',
    'services/api/src/a.ts',
    `import { x } from '@slipway/builder'`,
    /do not import each other/
  ],
  [
    'a service imports the tests',
    'services/api/src/a.ts',
    `import { x } from '@slipway/test'`,
    /test is above services/
  ],
  [
    'a service uses testing outside its tests',
    'services/api/src/a.ts',
    `import { x } from '@slipway/testing'`,
    /devDependency/
  ],
  ['a service uses machine', 'services/api/src/a.ts', `import { x } from '@slipway/machine'`, /machine is for/],
  [
    'a relative path leaves its workspace',
    'packages/store/src/a.ts',
    `import { x } from '../../domain/src/index.ts'`,
    /leaves its workspace/
  ],
  [
    'a relative path leaves to a workspace whose name begins alike',
    'packages/store/src/a.ts',
    `import '../../store-too/x.ts'`,
    /leaves its workspace/
  ],
  ['an import is not declared', 'packages/store/src/a.ts', `import fast from 'fast-check'`, /not in its package\.json/],
  [
    'a library is used away from its home',
    'services/api/src/a.ts',
    `import { Queue } from 'bullmq'`,
    /packages\/queue/
  ],
  [
    'the database of Node is used away from its home',
    'services/api/src/a.ts',
    `import { DatabaseSync } from 'node:sqlite'`,
    /packages\/store/
  ],
  [
    'an import is hidden in an expression',
    'services/api/src/a.ts',
    `const x = await import('bullmq')`,
    /packages\/queue/
  ],
  [
    'an import spans lines',
    'services/api/src/a.ts',
    `import {\n  a,\n  b\n} from 'bullmq'`,
    /a\.ts:4: import of bullmq/
  ],
  ['a module is passed on', 'services/api/src/a.ts', `export * from 'bullmq'`, /packages\/queue/],
  [
    'a type comes from another service',
    'services/api/src/a.ts',
    `import type { X } from '@slipway/builder'`,
    /do not import each other/
  ],
  [
    'the environment is read outside main.ts',
    'services/api/src/a.ts',
    `const x = process.env.PORT`,
    /a\.ts:1: process\.env/
  ],
  [
    'the environment is read by another spelling',
    'services/api/src/a.ts',
    `const x = process['env'].PORT`,
    /process\.env/
  ]
]

for (const [name, file, text, reason] of refused) {
  test(`it is refused when ${name}`, (t) => {
    const others = name === 'an import is not declared' ? [] : undeclaredIn(text)
    const violations = findViolations(
      repository(t, { ...allowed, [file]: `${text}\n` }, { [workspaceOf(file)]: others })
    )
    assert.ok(
      violations.some((violation) => violation.startsWith(file) && reason.test(violation)),
      `expected ${reason} in ${JSON.stringify(violations)}`
    )
  })
}

test('a manifest that depends upwards is refused even when nothing is imported', (t) => {
  const root = repository(t, allowed, { 'packages/store': ['@slipway/api'] })
  assert.match(
    findViolations(root).join('\n'),
    /packages\/store\/package\.json: dependency @slipway\/api: services are above packages/
  )
})

test('comments and strings that look like imports are none', () => {
  assert.deepEqual(
    importsOf(
      `const t = 'x = require("left-pad")'\n// import 'bullmq'\n/* import x from 'pg' */\nconst text = "see import from 'kysely'"\n`
    ),
    []
  )
})

test('the keyword of a type import may stand lines before its name, and does not reach over statements', () => {
  const [first, second] = importsOf(`import type {\n  A\n} from 'a'\nimport { b } from 'b'\n`)
  assert.deepEqual([first.isType, second.isType], [true, false])
})

test('the command prints each violation and exits 1, or 0 without one', (t) => {
  const program = join(dirname(fileURLToPath(import.meta.url)), 'boundaries.mjs')
  const good = repository(t, allowed)
  assert.equal(execFileSync(process.execPath, [program, good], { encoding: 'utf8' }), '')
  const bad = repository(t, { ...allowed, 'services/api/src/a.ts': `import 'bullmq'\n` })
  const { status, stderr } = spawnSync(process.execPath, [program, bad], { encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(stderr, /services\/api\/src\/a\.ts:1: import of bullmq/)
})

function repository(t, files, added = {}) {
  const root = mkdtempSync(join(tmpdir(), 'slipway-boundaries-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  write(root, 'package.json', JSON.stringify({ workspaces: ['packages/*', 'services/*', 'test'] }))
  for (const [path, manifest] of Object.entries(manifests)) {
    const extra = Object.fromEntries((added[path] ?? []).map((name) => [name, '*']))
    const dependencies = { ...manifest.dependencies, ...extra }
    write(
      root,
      join(path, 'package.json'),
      JSON.stringify({ ...manifest, name: `@slipway/${path.split('/').at(-1)}`, dependencies })
    )
  }
  for (const [path, text] of Object.entries(files)) write(root, path, text)
  return root
}

/** So that a violation is seen for what it is, and not because the import is undeclared as well. */
function undeclaredIn(text) {
  return importsOf(text)
    .map(({ specifier }) => specifier)
    .filter((name) => !/^[./]|^node:/.test(name) && name !== '@slipway/testing')
}

function workspaceOf(file) {
  return file
    .split('/')
    .slice(0, file.startsWith('test/') ? 1 : 2)
    .join('/')
}

function write(root, path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
