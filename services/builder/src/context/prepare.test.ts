import assert from 'node:assert/strict'
import { chmodSync, cpSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { assertFails, plant, plantIn } from './checkout.fixture.ts'
import { prepareIn, prepareWith, stackOf, tarBytes, unpack } from './prepare.fixture.ts'

const handler = 'module.exports = async () => "hello"\n'

test('a context holds the template, the handler in its folder, and what the stack copies beside it', async (t) => {
  const context = await prepareWith(t, {
    'stack.yml': stackOf('node', 'configuration:\n  copy: [./shared, data.json]\n'),
    'fn/handler.js': handler,
    'fn/bin/run.sh': { text: '#!/bin/sh\n', mode: 0o700 },
    'fn/link.js': { link: 'handler.js' },
    'shared/a/b.txt': 'b',
    'data.json': '{}',
    'other/c.txt': 'c'
  })
  const entries = await unpack(context)
  const own = [...entries].filter(([path]) => path.startsWith('function/'))
  assert.deepEqual(
    own.map(([path, { type, mode }]) => [path, type, mode.toString(8)]),
    [
      ['function/', 'directory', '755'],
      ['function/bin/', 'directory', '755'],
      ['function/bin/run.sh', 'file', '755'],
      ['function/data.json', 'file', '644'],
      ['function/handler.js', 'file', '644'],
      ['function/link.js', 'symlink', '777'],
      ['function/shared/', 'directory', '755'],
      ['function/shared/a/', 'directory', '755'],
      ['function/shared/a/b.txt', 'file', '644']
    ]
  )
  assert.equal(entries.get('function/handler.js')?.content, handler)
  assert.equal(entries.get('function/link.js')?.linkname, 'handler.js')
  assert.ok(entries.has('index.mjs') && entries.has('Dockerfile'))
  assert.deepEqual(context.buildArgs, { BASE_IMAGE: 'registry/node:24' })
  assert.equal(context.handlerBytes, handler.length + '#!/bin/sh\n'.length + 1 + 2)
  assert.match(context.contentKey, /^[0-9a-f]{40}$/)
})

test('the same sources give the same key and the same bytes, wherever and whenever they lie', async (t) => {
  const files = { 'stack.yml': stackOf('node'), 'fn/handler.js': handler, 'fn/ü/😀': 'x', 'fn/Z': '', 'fn/a': '' }
  const one = plant(t, files)
  const two = plant(t, {})
  cpSync(one, two, { recursive: true })
  utimesSync(join(two, 'fn/handler.js'), 1, 1)
  chmodSync(join(two, 'fn/handler.js'), 0o600)
  const [first, second] = await Promise.all([prepareIn(one), prepareIn(two)])
  assert.equal(first.contentKey, second.contentKey)
  const bytes = await tarBytes(first)
  assert.ok(bytes.equals(await tarBytes(second)))
  assert.ok(bytes.equals(await tarBytes(first)), 'a second stream has the same bytes')
})

test('whatever would make another image gives another key', async (t) => {
  const base = { 'stack.yml': stackOf('node'), 'fn/handler.js': handler }
  const keys = [
    await prepareWith(t, base),
    await prepareWith(t, { ...base, 'fn/handler.js': `${handler} ` }),
    await prepareWith(t, { ...base, 'fn/empty': '' }),
    await prepareWith(t, { ...base, 'fn/handler.js': { text: handler, mode: 0o755 } }),
    await prepareWith(t, { ...base, 'fn/handler.js': { link: 'real.js' }, 'fn/real.js': handler }),
    await prepareWith(t, { ...base, 'stack.yml': stackOf('node20') }),
    await prepareWith(t, { ...base, 'stack.yml': stackOf('node', '    build_args: { GO_VERSION: 1 }\n') }),
    await prepareWith(t, base, { platform: 'linux/arm64' }),
    await prepareWith(t, base, { baseImages: { node: { reference: 'registry/node:24', id: 'sha256:other' } } })
  ].map(({ contentKey }) => contentKey)
  assert.equal(new Set(keys).size, keys.length)
})

test('what makes no other image leaves the key as it is', async (t) => {
  const base = { 'stack.yml': stackOf('node'), 'fn/handler.js': handler }
  const { contentKey } = await prepareWith(t, base)
  const same = [
    await prepareWith(t, { ...base, 'stack.yml': stackOf('node', '    environment: { A: b }\n'), 'README.md': 'new' }),
    await prepareWith(t, base, { baseImages: { node: { reference: 'elsewhere/node', id: 'sha256:1' } } }),
    await prepareWith(t, { ...base, 'fn/.git/HEAD': 'x', 'fn/node_modules/a/index.js': 'x' })
  ]
  assert.deepEqual(
    same.map((context) => context.contentKey),
    [contentKey, contentKey, contentKey]
  )
})

test('a file that changes between the key and the sending ends the stream in an error that is retried', async (t) => {
  const checkout = plant(t, { 'stack.yml': stackOf('node'), 'fn/handler.js': handler, 'fn/big': Buffer.alloc(300_000) })
  for (const change of [
    () => writeFileSync(join(checkout, 'fn/handler.js'), handler.replace('hello', 'HELLO')),
    () => writeFileSync(join(checkout, 'fn/handler.js'), `${handler}${handler}`),
    () => truncateSync(join(checkout, 'fn/big'), 100_000)
  ]) {
    const context = await prepareIn(checkout)
    change()
    await assert.rejects(tarBytes(context), (err) => err instanceof Failure && err.code === 'unavailable' && err.retry)
  }
})

test('a stream that nobody reads to its end holds no file open', async (t) => {
  const context = await prepareWith(t, { 'stack.yml': stackOf('node'), 'fn/big': Buffer.alloc(5_000_000) })
  const stream = context.tar()
  for await (const piece of stream) {
    assert.ok(Buffer.isBuffer(piece))
    break
  }
  assert.ok(stream.destroyed)
})

test('a handler in the root of the repository leaves templates, what faas-cli wrote and git’s folder out', async (t) => {
  const files = {
    'handler.js': handler,
    'template/node/x': '',
    'build/x': '',
    'src/build/y': '',
    '.git/config': '',
    'a/.git': 'gitdir: x'
  }
  const entries = await unpack(await prepareWith(t, { 'stack.yml': stackOf('node').replace('./fn', '.'), ...files }))
  const own = [...entries.keys()].filter((path) => path.startsWith('function/') && !path.endsWith('/'))
  assert.deepEqual(own, ['function/handler.js', 'function/src/build/y', 'function/stack.yml'])
})

test('a handler’s .dockerignore is honoured', async (t) => {
  const entries = await unpack(
    await prepareWith(t, {
      'stack.yml': stackOf('static'),
      'fn/.dockerignore': '*\n!public\npublic/draft',
      'fn/secret': '',
      'fn/public/a': '',
      'fn/public/draft': ''
    })
  )
  assert.deepEqual(
    [...entries.keys()].filter((path) => path.startsWith('function/')),
    ['function/', 'function/public/', 'function/public/a']
  )
})

test('the context of one’s own Dockerfile is the handler’s folder', async (t) => {
  const context = await prepareWith(t, {
    'stack.yml': stackOf('dockerfile', 'configuration:\n  copy: [shared]\n'),
    'fn/Dockerfile': '# syntax=docker/dockerfile:1\nFROM scratch\nCOPY . /\n',
    'fn/.dockerignore': '*\n!src',
    'fn/src/a': '',
    'fn/secret': '',
    'shared/b': ''
  })
  const entries = await unpack(context)
  assert.deepEqual([...entries.keys()], ['.dockerignore', 'Dockerfile', 'shared/', 'shared/b', 'src/', 'src/a'])
  assert.equal(entries.get('Dockerfile')?.content, '#\nFROM scratch\nCOPY . /\n')
  assert.match(context.warnings[0]?.message ?? '', /"# syntax" of the Dockerfile is not used/)
  assert.deepEqual(context.buildArgs, {})
})

test('a missing Dockerfile, one that is a link and one with a foreign frontend are refused', async (t) => {
  const stack = { 'stack.yml': stackOf('dockerfile') }
  await assertFails(
    prepareWith(t, { ...stack, 'fn/x': '' }),
    'invalid-stack',
    /^stack\.yml:4:14: functions\.hello: no Dockerfile to build/
  )
  await assertFails(
    prepareWith(t, { ...stack, 'fn/Dockerfile': { link: 'x' }, 'fn/x': '' }),
    'invalid-stack',
    /regular file/
  )
  await assertFails(
    prepareWith(t, { ...stack, 'fn/Dockerfile': '# syntax=evil\nFROM a' }),
    'unsupported',
    /syntax "evil"/
  )
})

test('a process that a built-in template does not start is a warning', async (t) => {
  const files = { 'stack.yml': stackOf('node', '    fprocess: node other.js\n'), 'fn/handler.js': handler }
  const { warnings } = await prepareWith(t, files)
  assert.match(warnings[0]?.message ?? '', /functions\.hello\.fprocess is not used/)
})

test('a base image that nobody configured is named', async (t) => {
  const files = { 'stack.yml': stackOf('python'), 'fn/handler.py': '' }
  await assertFails(
    prepareWith(t, files, { baseImages: {} }),
    'invalid-configuration',
    /no base image for the template "python"/
  )
})

test('an aborted signal ends the work', async (t) => {
  const checkout = plant(t, {})
  plantIn(checkout, { 'stack.yml': stackOf('node'), 'fn/handler.js': handler })
  await assert.rejects(prepareIn(checkout, { signal: AbortSignal.abort(new Error('stopped')) }), /stopped/)
})
