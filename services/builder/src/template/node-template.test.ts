import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startFunction } from './running-function.fixture.ts'

const echo =
  'module.exports = async (event, context) => context.status(200).succeed({ body: event.body, type: typeof event.body })'

async function handle(t: TestContext, source: string, env = {}) {
  return startFunction(t, 'node', { 'handler.js': source }, env)
}

async function ask(t: TestContext, source: string, path = '/', init: RequestInit = {}, env = {}) {
  const { url } = await handle(t, source, env)
  return fetch(url + path, init)
}

const send = (
  body: string | Uint8Array<ArrayBuffer>,
  type?: string,
  headers: Record<string, string> = {}
): RequestInit => ({
  method: 'POST',
  body,
  headers: { ...headers, ...(type === undefined ? {} : { 'content-type': type }) }
})

test('the handler of the official template answers as it does there', async (t) => {
  const source = `'use strict'
module.exports = async (event, context) => {
  const result = { 'body': JSON.stringify(event.body), 'content-type': event.headers["content-type"] }
  return context.status(200).succeed(result)
}`
  const response = await ask(t, source, '/', send('{"a":1}', 'application/json'))
  assert.equal(response.status, 200)
  assert.deepEqual(await response.json(), { body: '{"a":1}', 'content-type': 'application/json' })
})

test('bodies are parsed by their content type', async (t) => {
  const { url } = await handle(t, echo)
  const bodyOf = async (init: RequestInit) => (await fetch(url, init)).json()
  assert.deepEqual(await bodyOf(send('[1,2]', 'application/json; charset=utf-8')), { body: [1, 2], type: 'object' })
  assert.deepEqual(await bodyOf(send('', 'application/json')), { body: {}, type: 'object' })
  assert.deepEqual(await bodyOf(send('päin', 'text/plain')), { body: 'päin', type: 'string' })
  assert.deepEqual(await bodyOf(send(Uint8Array.from([0xe4]), 'text/plain; charset=latin1')), {
    body: 'ä',
    type: 'string'
  })
  assert.deepEqual(await bodyOf(send(Buffer.from('no type'))), { body: 'no type', type: 'string' })
  assert.deepEqual(
    await bodyOf(send('a=1&b=2&b=3&c[d]=4&c[e][]=5&f[0]=x&f[1]=y&g=%C3%A4+b', 'application/x-www-form-urlencoded')),
    {
      body: { a: '1', b: ['2', '3'], c: { d: '4', e: ['5'] }, f: ['x', 'y'], g: 'ä b' },
      type: 'object'
    }
  )
  assert.deepEqual(await bodyOf(send('a[2]=y&a[0]=x&b[1]=z&c[101]=n', 'application/x-www-form-urlencoded')), {
    body: { a: ['x', 'y'], b: ['z'], c: { 101: 'n' } },
    type: 'object'
  })
  assert.deepEqual(await bodyOf(send(Uint8Array.from([0, 255]), 'application/octet-stream')), {
    body: { type: 'Buffer', data: [0, 255] },
    type: 'object'
  })
  assert.deepEqual(await bodyOf({}), { type: 'undefined' })
  assert.deepEqual(
    await bodyOf(send(new Uint8Array(gzipSync('{"z":1}')), 'application/json', { 'content-encoding': 'gzip' })),
    { body: { z: 1 }, type: 'object' }
  )
})

test('a body that cannot be read is the caller’s fault', async (t) => {
  const { url } = await handle(t, echo)
  const statusOf = async (init: RequestInit) => (await fetch(url, init)).status
  assert.equal(await statusOf(send('{', 'application/json')), 400)
  assert.equal(await statusOf(send('"text"', 'application/json')), 400)
  assert.equal(await statusOf(send('x'.repeat(102_401), 'text/plain')), 413)
  assert.equal(await statusOf(send('x', 'text/plain', { 'content-encoding': 'zstd' })), 415)
  assert.equal(await statusOf(send('x', 'text/plain', { 'content-encoding': 'gzip' })), 400)
  assert.equal(await statusOf(send('x', 'text/plain; charset=klingon')), 415)
  assert.equal(
    await statusOf(
      send(new Uint8Array(gzipSync(Buffer.alloc(50_000_000))), 'text/plain', { 'content-encoding': 'gzip' })
    ),
    413
  )
  const polluting = '__proto__[polluted]=1&a[__proto__][polluted]=1&constructor[prototype][polluted]=1'
  assert.equal(await statusOf(send(polluting, 'application/x-www-form-urlencoded')), 200)
  assert.deepEqual(
    await (await fetch(url, send('{}', 'application/json'))).json(),
    { body: {}, type: 'object' },
    'it still answers'
  )
})

test('MAX_JSON_SIZE and MAX_RAW_SIZE raise the limits', async (t) => {
  const { url } = await handle(t, echo, { MAX_JSON_SIZE: '1mb', MAX_RAW_SIZE: '300kb' })
  const statusOf = async (size: number, type: string) =>
    (await fetch(url, send(`["${'x'.repeat(size)}"]`, type))).status
  assert.equal(await statusOf(500_000, 'application/json'), 200)
  assert.equal(await statusOf(1_100_000, 'application/json'), 413)
  assert.equal(await statusOf(250_000, 'text/plain'), 200)
  assert.equal(await statusOf(350_000, 'text/plain'), 413)
})

test('RAW_BODY hands over the bytes, whatever the type', async (t) => {
  const source =
    'module.exports = async (event) => ({ isBuffer: Buffer.isBuffer(event.body), text: event.body.toString("hex") })'
  const response = await ask(t, source, '/', send('{"a":1}', 'application/json'), { RAW_BODY: 'true' })
  assert.deepEqual(await response.json(), { isBuffer: true, text: Buffer.from('{"a":1}').toString('hex') })
})

test('the event carries method, path, query and headers', async (t) => {
  const source =
    'module.exports = async ({ method, path, query, headers }) => ({ method, path, query, custom: headers["x-custom"], type: headers["content-type"] })'
  const { url } = await handle(t, source)
  const response = await fetch(`${url}/a/b%20c?x=1&y=2&y=3&z%5Bk%5D=4&plus=a+b`, {
    method: 'DELETE',
    headers: { 'X-Custom': 'v' }
  })
  assert.deepEqual(await response.json(), {
    method: 'DELETE',
    path: '/a/b%20c',
    query: { x: '1', y: ['2', '3'], 'z[k]': '4', plus: 'a b' },
    custom: 'v',
    type: 'text/plain'
  })
})

test('handlers of the older templates get nested queries and an empty object where there is no body', async (t) => {
  const source = 'module.exports = async ({ query, body }) => ({ query, body })'
  const response = await ask(t, source, '/?a[b]=1', {}, { handler_requests: 'express4' })
  assert.deepEqual(await response.json(), { query: { a: { b: '1' } }, body: {} })
})

test('each way of answering is an answer', async (t) => {
  const cases: [string, number, string | null, string][] = [
    ['async () => ({ a: 1 })', 200, 'application/json; charset=utf-8', '{"a":1}'],
    ['async () => [1]', 200, 'application/json; charset=utf-8', '[1]'],
    ['async () => "text"', 200, 'text/html; charset=utf-8', 'text'],
    ['() => "not a promise"', 200, 'text/html; charset=utf-8', 'not a promise'],
    ['async () => Buffer.from("bytes")', 200, 'application/octet-stream', 'bytes'],
    ['async () => {}', 200, null, ''],
    ['() => {}', 200, null, ''],
    ['async () => null', 200, null, ''],
    ['async () => 42', 200, 'application/json; charset=utf-8', '42'],
    ['async () => true', 200, 'application/json; charset=utf-8', 'true'],
    ['async () => require("node:stream").Readable.from(["a", "b"])', 200, 'application/octet-stream', 'ab'],
    ['async (e, c) => c.status(201).succeed("made")', 201, 'text/html; charset=utf-8', 'made'],
    ['async (e, c) => { c.status(202); return "later" }', 202, 'text/html; charset=utf-8', 'later'],
    ['async (e, c) => c.headers({ "Content-Type": "text/css" }).succeed("a{}")', 200, 'text/css; charset=utf-8', 'a{}'],
    ['async (e, c) => c.status(204).succeed("gone")', 204, null, ''],
    ['async (e, c) => c.fail("no")', 500, 'text/plain; charset=utf-8', 'no'],
    ['async (e, c) => c.status(404).fail(new Error("not here"))', 404, 'text/plain; charset=utf-8', 'Error: not here'],
    ['async (e, c) => c.fail({ why: "object" })', 500, 'text/plain; charset=utf-8', '{"why":"object"}'],
    ['async () => { throw new Error("broken") }', 500, 'text/plain; charset=utf-8', 'Error: broken'],
    ['() => { throw new Error("at once") }', 500, 'text/plain; charset=utf-8', 'Error: at once'],
    ['async (e, c) => { c.status(422); throw new Error("yours") }', 422, 'text/plain; charset=utf-8', 'Error: yours'],
    ['async (e, c) => { c.status(201); throw new Error("ours") }', 500, 'text/plain; charset=utf-8', 'Error: ours'],
    ['(e, c, callback) => callback(null, "called")', 200, 'text/html; charset=utf-8', 'called'],
    [
      '(e, c, callback) => { setTimeout(() => callback(null, { late: 1 }), 20) }',
      200,
      'application/json; charset=utf-8',
      '{"late":1}'
    ],
    [
      '(e, c, callback) => { setTimeout(() => callback(new Error("late")), 20) }',
      500,
      'text/plain; charset=utf-8',
      'Error: late'
    ],
    [
      '(e, c, callback) => { setTimeout(() => c.status(201).succeed("late"), 20) }',
      201,
      'text/html; charset=utf-8',
      'late'
    ],
    ['async (e, c, callback) => "returned"', 200, 'text/html; charset=utf-8', 'returned'],
    ['async (e, c) => { c.succeed("first"); return "second" }', 200, 'text/html; charset=utf-8', 'first'],
    ['async (e, c) => { c.succeed("first"); throw new Error("second") }', 200, 'text/html; charset=utf-8', 'first'],
    ['async (e, c) => c.headers({ "x-bad": "a\\nb" }).succeed("x")', 500, 'text/plain; charset=utf-8', ''],
    ['async (e, c) => c.status(9999).succeed("x")', 500, 'text/plain; charset=utf-8', ''],
    ['async () => { const a = {}; a.a = a; return a }', 500, 'text/plain; charset=utf-8', '']
  ]
  const { url } = await handle(
    t,
    `const cases = [${cases.map(([source]) => source).join(',\n')}]
module.exports = (event, context, callback) => cases[Number(event.path.slice(1))].length > 2
  ? cases[Number(event.path.slice(1))](event, context, callback)
  : Promise.resolve().then(() => cases[Number(event.path.slice(1))](event, context))`
  )
  for (const [index, [source, status, type, body]] of cases.entries()) {
    const response = await fetch(`${url}/${index}`)
    assert.equal(response.status, status, source)
    assert.equal(response.headers.get('content-type'), type, source)
    const text = await response.text()
    if (body !== '' || status < 400) assert.equal(text, body, source)
  }
})

test('headers may be many and are kept as they were given', async (t) => {
  const response = await ask(
    t,
    'module.exports = async (e, c) => c.headers({ "Set-Cookie": ["a=1", "b=2"], "X-N": 3 }).succeed("")'
  )
  assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
  assert.equal(response.headers.get('x-n'), '3')
})

test('modules of every kind are handlers', async (t) => {
  const kinds: Record<string, string>[] = [
    { 'handler.js': 'module.exports = async () => "x"' },
    { 'handler.js': 'exports.handler = async () => "x"' },
    { 'handler.js': 'exports.default = async () => "x"; exports.__esModule = true' },
    { 'handler.js': 'export default async () => "x"', 'package.json': '{ "type": "module" }' },
    { 'handler.js': 'await null\nexport const handler = async () => "x"', 'package.json': '{ "type": "module" }' },
    {
      'handler.mjs':
        'import { readFileSync } from "node:fs"\nexport default async () => readFileSync(new URL("x.txt", import.meta.url), "utf8")',
      'x.txt': 'x'
    },
    { 'handler.cjs': 'module.exports = async () => require("./lib/x")', 'lib/x.js': 'module.exports = "x"' },
    { 'handler/index.js': 'module.exports = async () => "x"' },
    { 'dist/main.js': 'module.exports = async () => "x"', 'package.json': '{ "main": "dist/main.js" }' }
  ]
  for (const files of kinds) {
    const { url } = await startFunction(t, 'node', files)
    assert.equal(await (await fetch(url)).text(), 'x', JSON.stringify(files))
  }
})

test('a handler that cannot be loaded ends the process and says why', async (t) => {
  await assert.rejects(
    startFunction(t, 'node', { 'handler.js': 'throw new Error("no database")' }),
    /ended with 1: [^]*no database/
  )
  await assert.rejects(startFunction(t, 'node', { 'handler.js': 'module.exports = 3' }), /exports no function/)
  await assert.rejects(startFunction(t, 'node', { 'README.md': '' }), /no handler found/)
})
