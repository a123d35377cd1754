import assert from 'node:assert/strict'
import { Agent, get } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGate, startFunction, untilStopping, untilWaiting } from './running-function.fixture.ts'

const held = {
  'handler.js': `const { existsSync } = require('node:fs')
let waiting = 0
module.exports = async ({ query }) => {
  if ('waiting' in query) return String(waiting)
  if ('now' in query) return 'done'
  waiting++
  while (!existsSync(process.env.GATE)) await new Promise((resolve) => setTimeout(resolve, 10))
  return 'done'
}`
}

const slow = {
  'handler.js':
    'module.exports = async (event) => { await new Promise((resolve) => setTimeout(resolve, Number(event.query.ms))); return "done" }'
}

test('a function says that it is ready, and stays warm between requests', async (t) => {
  const { url, startMs } = await startFunction(t, 'node', {
    'handler.js': 'let n = 0; module.exports = async () => String(++n)'
  })
  for (const path of ['/_/ready', '/_/health']) assert.equal((await fetch(url + path)).status, 200)
  assert.equal(await (await fetch(url)).text(), '1')
  assert.equal(await (await fetch(`${url}/_/other`)).text(), '2')
  t.diagnostic(`from start to listening: ${Math.round(startMs)} ms`)
})

test('SIGTERM ends an idle function within a second, with code 0', async (t) => {
  const fn = await startFunction(t, 'node', {
    'handler.js': 'setInterval(() => {}, 1000); module.exports = async () => "x"'
  })
  await (await fetch(fn.url)).text()
  const { code, ms } = await fn.stop()
  assert.equal(code, 0)
  assert.ok(ms < 2000, `took ${ms} ms: connections that are kept are waited for`)
})

test('SIGTERM lets running requests end, tells new ones that the connection closes, and is no longer ready', async (t) => {
  const gate = createGate(t)
  const fn = await startFunction(t, 'node', held, { GATE: gate.path })
  const running = fetch(fn.url)
  await untilWaiting(fn.url, 1)
  fn.terminate()
  assert.equal(await untilStopping(fn.url), 'done')
  gate.open()
  assert.equal(await (await running).text(), 'done')
  assert.equal((await fn.stop()).code, 0)
})

test('no request is lost on a connection that is kept while the function stops', async (t) => {
  const fn = await startFunction(t, 'node', slow)
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  t.after(() => agent.destroy())
  let isStopped = false
  let answered = 0
  const client = async () => {
    while (!isStopped) {
      const closes = await new Promise<boolean>((resolve, reject) => {
        get(`${fn.url}/?ms=5`, { agent }, (response) => {
          response.resume().once('end', () => resolve(response.headers.connection === 'close'))
        }).once('error', reject)
      })
      answered++
      if (closes) return
    }
  }
  const clients = Array.from({ length: 4 }, client)
  while (answered < 9) await sleep(5)
  const end = fn.stop()
  await Promise.all(clients)
  isStopped = true
  assert.equal((await end).code, 0)
})

test('requests that never end are given up after write_timeout', async (t) => {
  const fn = await startFunction(t, 'node', held, { write_timeout: '700ms', GATE: createGate(t).path })
  const running = fetch(fn.url).catch(() => 'cut')
  await untilWaiting(fn.url, 1)
  const { code } = await fn.stop()
  assert.equal(code, 1)
  assert.equal(await running, 'cut')
  assert.match(fn.output(), /requests still run after 700 ms/)
})

test('max_inflight answers 429, exec_timeout 504', async (t) => {
  const gate = createGate(t)
  const full = await startFunction(t, 'node', held, { max_inflight: '1', GATE: gate.path })
  const first = fetch(full.url)
  while ((await fetch(`${full.url}/_/ready`)).status !== 429) await sleep(5)
  assert.equal((await fetch(full.url)).status, 429)
  assert.equal((await fetch(`${full.url}/_/health`)).status, 200)
  gate.open()
  assert.equal((await first).status, 200)

  const { url } = await startFunction(t, 'node', slow, { exec_timeout: '300ms' })
  assert.equal((await fetch(`${url}/?ms=60000`)).status, 504)
  assert.equal((await fetch(`${url}/?ms=0`)).status, 200)
})

test('a caller that hangs up and one that asks for nonsense leave the function as it was', async (t) => {
  const { url, port } = await startFunction(t, 'node', slow)
  const controller = new AbortController()
  const gone = fetch(`${url}/?ms=200`, { signal: controller.signal }).catch(() => null)
  await sleep(50)
  controller.abort()
  await gone
  for (const request of [
    'GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'
  ]) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end(request)
    await sleep(50)
    socket.destroy()
  }
  await sleep(250)
  assert.equal(await (await fetch(`${url}/?ms=0`)).text(), 'done')
})
