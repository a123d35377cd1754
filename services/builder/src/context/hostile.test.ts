import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { FailureCode } from '@slipway/domain'
import { assertFails, type Planted, plant } from './checkout.fixture.ts'
import { prepareIn, stackOf, unpack } from './prepare.fixture.ts'
import { defaultContextLimits } from './scan.ts'

const copyStack = stackOf('static', 'configuration:\n  copy: [shared]\n')

async function refused(t: TestContext, files: Record<string, Planted>, code: FailureCode, words: RegExp, limits = {}) {
  const checkout = plant(t, { 'stack.yml': stackOf('static'), 'fn/index.html': '', ...files })
  return assertFails(prepareIn(checkout, { limits: { ...defaultContextLimits, ...limits } }), code, words)
}

test('links that leave the folder that is built are refused, directly, in chains and on the way', async (t) => {
  const outside = plant(t, { secret: 'secret' })
  const trees: Record<string, Planted>[] = [
    { 'fn/x': { link: '/etc/passwd' } },
    { 'fn/x': { link: '/' } },
    { 'fn/x': { link: `${outside}/secret` } },
    { 'fn/x': { link: '../stack.yml' } },
    { 'fn/a/x': { link: '../../other/y' }, 'other/y': '' },
    { 'fn/x': { link: '../fn/index.html' } },
    { 'fn/x': { link: 'none/../../stack.yml' } },
    { 'fn/here': { link: '.' }, 'fn/x': { link: 'here/../stack.yml' } },
    { 'fn/a/b/c': '', 'fn/deep': { link: 'a/b' }, 'fn/x': { link: 'deep/../../../stack.yml' } }
  ]
  for (const links of trees) {
    await refused(t, links, 'unsafe-path', /functions\.hello\.handler: ".*" is a link to ".*", which leaves the folder/)
  }
  await refused(t, { 'fn/x': { link: 'y' }, 'fn/y': { link: 'x' } }, 'unsafe-path', /goes round/)
})

test('links that stay in the folder are kept as links, also those that lead nowhere', async (t) => {
  const checkout = plant(t, {
    'stack.yml': stackOf('static'),
    'fn/a/b': '',
    'fn/x': { link: 'a/b' },
    'fn/a/y': { link: '../x' },
    'fn/z': { link: 'a' },
    'fn/w': { link: 'not/there' }
  })
  const entries = await unpack(await prepareIn(checkout))
  const links = [...entries].flatMap(([path, { linkname }]) => (linkname === null ? [] : [[path, linkname]]))
  assert.deepEqual(links, [
    ['function/a/y', '../x'],
    ['function/w', 'not/there'],
    ['function/x', 'a/b'],
    ['function/z', 'a']
  ])
})

test('a copied folder is held to the same rules as a handler', async (t) => {
  const outside = plant(t, { secret: 'secret' })
  const bad = (files: Record<string, Planted>, code: FailureCode, words: RegExp) =>
    refused(t, { 'stack.yml': copyStack, ...files }, code, words)
  await bad({ 'shared/x': { link: `${outside}/secret` } }, 'unsafe-path', /configuration\.copy: "x" is a link to/)
  await bad({ 'shared/x': { link: '../fn/index.html' } }, 'unsafe-path', /leaves the folder/)
  await bad(
    { shared: { link: outside } },
    'unsafe-path',
    /configuration\.copy: "shared" is a link that leaves the repository/
  )
  await bad({}, 'invalid-stack', /configuration\.copy: "shared" is not in the repository/)
  for (const path of ['../x', '/etc', '.git', 'a/../../b']) {
    const stack = stackOf('static', `configuration:\n  copy: ["${path}"]\n`)
    await refused(
      t,
      { 'stack.yml': stack, '.git/config': '' },
      'unsafe-path',
      /^stack\.yml:6:10: configuration\.copy: /
    )
  }
})

test('a handler that is a file, missing or elsewhere is refused at its line', async (t) => {
  const bad = (path: string, code: FailureCode, words: RegExp) =>
    refused(t, { 'stack.yml': stackOf('static').replace('./fn', path), link: { link: '/' } }, code, words)
  await bad('fn/index.html', 'invalid-stack', /^stack\.yml:4:14: .*the handler is a folder/)
  await bad('none', 'invalid-stack', /^stack\.yml:4:14: functions\.hello\.handler: "none" is not in the repository/)
  await bad(
    '../../etc',
    'unsafe-path',
    /^stack\.yml:4:14: functions\.hello\.handler: "\.\.\/\.\.\/etc" leaves the repository/
  )
  await bad('/etc', 'unsafe-path', /is absolute/)
  await bad('link', 'unsafe-path', /link that leaves/)
  await bad('"a\\0b"', 'invalid-stack', /control character/)
})

test('nothing lies below a link: a copied folder cannot be written through one', async (t) => {
  const files = { 'stack.yml': copyStack, 'fn/shared': { link: 'elsewhere' }, 'fn/elsewhere/a': '', 'shared/b': '' }
  await refused(t, files, 'unsafe-path', /"function\/shared\/b" lies below "function\/shared", which is not a folder/)
})

test('FIFOs, sockets and devices are refused', async (t) => {
  const checkout = plant(t, { 'stack.yml': stackOf('static'), 'fn/index.html': '' })
  execFileSync('mkfifo', [join(checkout, 'fn/pipe')])
  await assertFails(prepareIn(checkout), 'unsafe-path', /"pipe" is a FIFO/)
})

test('names that are not UTF-8 are refused', async (t) => {
  const checkout = plant(t, { 'stack.yml': stackOf('static'), 'fn/index.html': '' })
  writeFileSync(Buffer.concat([Buffer.from(join(checkout, 'fn/')), Buffer.from([0xff, 0x61])]), '')
  await assertFails(prepareIn(checkout), 'unsafe-path', /has a name that is not UTF-8/)
})

test('each limit is told by its name', async (t) => {
  await refused(t, { 'fn/a': '', 'fn/b': '' }, 'limit-exceeded', /one file too many: 7 files are allowed/, { files: 7 })
  await refused(
    t,
    { 'fn/a': Buffer.alloc(20_000) },
    'limit-exceeded',
    /"a" has 20000 bytes: 10000 are allowed in one file/,
    { fileBytes: 10_000 }
  )
  await refused(
    t,
    { 'fn/a': Buffer.alloc(13_000), 'fn/b': Buffer.alloc(13_000) },
    'limit-exceeded',
    /goes beyond the 25000 bytes/,
    { bytes: 25_000 }
  )
  await refused(t, { [`fn/${'d/'.repeat(32)}file`]: '' }, 'limit-exceeded', /is deeper than 32 folders/)
  await refused(t, { [`fn/${'d/'.repeat(64)}file`]: '' }, 'limit-exceeded', /is deeper than 32 folders/)
})

test('a sparse file counts with its size, before a byte of it is read', async (t) => {
  const checkout = plant(t, { 'stack.yml': stackOf('static'), 'fn/sparse': '' })
  truncateSync(join(checkout, 'fn/sparse'), 5 * 1024 ** 3)
  await assertFails(prepareIn(checkout), 'limit-exceeded', /"sparse" has 5368709120 bytes: 104857600 are allowed/)
})

test('more files than are allowed are refused without looking at all of them', async (t) => {
  const checkout = plant(t, { 'stack.yml': stackOf('static') })
  for (let folder = 0; folder < 30; folder++) {
    mkdirSync(join(checkout, `fn/${folder}`), { recursive: true })
    for (let file = 0; file < 100; file++) writeFileSync(join(checkout, `fn/${folder}/${file}`), '')
  }
  await assertFails(
    prepareIn(checkout, { limits: { ...defaultContextLimits, files: 2000 } }),
    'limit-exceeded',
    /2000 files are allowed/
  )
})
