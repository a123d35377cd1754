import assert from 'node:assert/strict'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { createGate, startFunction, untilStopping, untilWaiting } from './running-function.fixture.ts'

const held = `import os
import time

waiting = []

def handle(event, context):
    if event.query.get("waiting") is not None:
        return str(len(waiting))
    if event.query.get("now") is not None:
        return "done"
    waiting.append(1)
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.01)
    return "done"
`

function handle(t: TestContext, source: string, env = {}) {
  return startFunction(t, 'python', { 'handler.py': source }, env)
}

test('the handler of the official template answers as it does there', async (t) => {
  const { url } = await handle(
    t,
    'def handle(event, context):\n    return {"statusCode": 200, "body": "Hello from OpenFaaS!"}\n'
  )
  const response = await fetch(url)
  assert.equal(response.status, 200)
  assert.equal(await response.text(), 'Hello from OpenFaaS!')
  for (const path of ['/_/ready', '/_/health']) assert.equal((await fetch(url + path)).status, 200)
})

test('the event carries body, headers, method, query and path', async (t) => {
  const { url } = await handle(
    t,
    `def handle(event, context):
    return {"body": {"body": event.body.decode(), "type": type(event.body).__name__, "header": event.headers.get("X-Custom"),
                     "method": event.method, "a": event.query.get("a"), "all": event.query.getlist("a"), "path": event.path,
                     "host": len(context.hostname) > 0}}
`
  )
  const response = await fetch(`${url}/x/y%20z?a=1&a=2&b=`, {
    method: 'PUT',
    body: 'päin',
    headers: { 'x-custom': 'v' }
  })
  assert.equal(response.headers.get('content-type'), 'application/json')
  assert.deepEqual(await response.json(), {
    body: 'päin',
    type: 'bytes',
    header: 'v',
    method: 'PUT',
    a: '1',
    all: ['1', '2'],
    path: '/x/y z',
    host: true
  })
})

test('each way of answering is an answer', async (t) => {
  const cases: [string, number, string | null, string][] = [
    ['None', 200, 'text/html; charset=utf-8', ''],
    ['"text"', 200, 'text/html; charset=utf-8', 'text'],
    ['b"bytes"', 200, 'application/octet-stream', 'bytes'],
    ['[1, 2]', 200, 'application/json', '[1, 2]'],
    ['("made", 201)', 201, 'text/html; charset=utf-8', 'made'],
    ['("made", 201, {"Content-Type": "text/css"})', 201, 'text/css', 'made'],
    ['{"statusCode": 404, "body": {"no": 1}}', 404, 'application/json', '{"no": 1}'],
    ['{"body": 42, "headers": [("X-A", "1"), ("Content-Type", "text/plain")]}', 200, 'text/plain', '42'],
    ['{"statusCode": 204}', 204, null, ''],
    ['{"statusCode": 200}', 200, 'text/html; charset=utf-8', ''],
    ['1 / 0', 500, 'text/plain', 'Internal Server Error'],
    ['{"body": "x", "headers": {"X-A": "a\\r\\nX-B: c"}}', 500, 'text/plain', 'Internal Server Error']
  ]
  const source = `def handle(event, context):\n    return [${cases.map(([expression]) => `lambda: ${expression}`).join(', ')}][int(event.path[1:])]()\n`
  const fn = await handle(t, source)
  for (const [index, [expression, status, type, body]] of cases.entries()) {
    const response = await fetch(`${fn.url}/${index}`)
    assert.equal(response.status, status, expression)
    if (type !== null) assert.equal(response.headers.get('content-type'), type, expression)
    assert.equal(await response.text(), body, expression)
  }
  assert.match(fn.output(), /ZeroDivisionError/)
})

test('modules beside the handler are imported as in the official template', async (t) => {
  const files = {
    'handler.py':
      'from .lib import answer\nfrom function.lib import answer as other\n\ndef handle(event, context):\n    return answer() + other()\n',
    'lib.py': 'def answer():\n    return "x"\n'
  }
  const { url } = await startFunction(t, 'python', files)
  assert.equal(await (await fetch(url)).text(), 'xx')
})

test('chunked bodies and connections that are kept work, HEAD has no body', async (t) => {
  const { port, url } = await handle(t, 'def handle(event, context):\n    return event.body or "empty"\n')
  const body = await new Promise<string>((resolve, reject) => {
    const sent = request({ port, method: 'POST', headers: { 'transfer-encoding': 'chunked' } }, (response) =>
      text(response).then(resolve, reject)
    )
    sent.once('error', reject)
    sent.write('one ')
    sent.end('two')
  })
  assert.equal(body, 'one two')
  for (let index = 0; index < 5; index++)
    assert.equal(await (await fetch(url, { method: 'POST', body: 'again' })).text(), 'again')
  const head = await fetch(url, { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text(), head.headers.get('content-length')], [200, '', '5'])
})

test('requests run beside each other, and SIGTERM lets them end', async (t) => {
  const gate = createGate(t)
  const fn = await handle(t, held, { GATE: gate.path })
  const running = Array.from({ length: 5 }, () => fetch(fn.url))
  await untilWaiting(fn.url, 5)
  fn.terminate()
  assert.equal(await untilStopping(fn.url), 'done')
  gate.open()
  for (const response of await Promise.all(running)) assert.equal(await response.text(), 'done')
  assert.equal((await fn.stop()).code, 0)
})

test('max_inflight answers 429', async (t) => {
  const gate = createGate(t)
  const { url } = await handle(t, held, { max_inflight: '1', GATE: gate.path })
  // Whichever of the two comes first is held.
  const statuses: number[] = []
  const both = [fetch(url), fetch(url)].map(async (asked) => void statuses.push((await asked).status))
  await Promise.race(both)
  gate.open()
  await Promise.all(both)
  assert.deepEqual(statuses, [429, 200])
})

test('a handler that cannot be loaded ends the process and says why', async (t) => {
  await assert.rejects(handle(t, 'import nonsense_module\n'), /No module named 'nonsense_module'/)
  await assert.rejects(handle(t, 'x = 1\n'), /has no attribute 'handle'/)
})
