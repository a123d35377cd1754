import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import {
  ask,
  openSocket,
  readBody,
  routeTo,
  sendRaw,
  startFunction,
  startTestGateway,
  until
} from '../gateway-for-test.ts'

/** Sends a part of a body, and then nothing more. */
async function stall(t: TestContext, port: number, name: string, body: { sent: number; whole: number }) {
  const socket: Socket = await openSocket(port)
  t.after(() => socket.destroy())
  const stalled = { socket, answer: '' }
  socket.on('data', (part) => {
    stalled.answer += part.toString()
  })
  socket.on('error', () => undefined)
  socket.write(`POST /async-function/${name} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.whole}\r\n\r\n`)
  socket.write('x'.repeat(body.sent))
  return stalled
}

async function startEcho(t: TestContext) {
  const heard: string[] = []
  const { endpoint } = await startFunction(t, async (req, res) => {
    heard.push(await readBody(req))
    res.end()
  })
  return { heard, endpoint }
}

const leave = (port: number, name: string, body: string) =>
  ask(port, { method: 'POST', host: 'x', path: `/async-function/${name}`, body })

test('uploads that are made to last give way where no more is held, and who sends at once is taken', async (t) => {
  const fn = await startEcho(t)
  const limits = { ASYNC_BODY_LIMIT_BYTES: '65536', ASYNC_HELD_LIMIT_BYTES: '262144' }
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], limits)
  const body = { sent: 33_000, whole: 60_000 }
  const stalled = await Promise.all(Array.from({ length: 40 }, () => stall(t, port, 'alice-fn', body)))
  const refused = () => stalled.filter(({ answer }) => answer !== '')
  // What is held of the others is all that may be.
  await until(() => stalled.length - refused().length <= 262_144 / body.sent)
  for (const { answer } of refused()) {
    assert.match(answer, /^HTTP\/1.1 429 [^]*retry-after: 10\r\n[^]*"code":"too-many-requests"/)
  }
  assert.ok(refused().length < stalled.length, 'nobody had to be refused for the first of them')
  const words = 'y'.repeat(60_000)
  assert.equal((await leave(port, 'alice-fn', words)).status, 202)
  await until(() => fn.heard.length === 1)
  assert.equal(fn.heard[0], words)
})

test('of one function as many bodies may be on their way as it may have calls in flight', async (t) => {
  const fn = await startEcho(t)
  const routes = [routeTo('fn', [fn.endpoint]), routeTo('next', [fn.endpoint])]
  const { port } = await startTestGateway(t, routes, { IN_FLIGHT_LIMIT: '3' })
  const stalled = await Promise.all([1, 2, 3].map(() => stall(t, port, 'alice-fn', { sent: 1, whole: 10 })))
  await untilStatus(429)
  assert.equal((await leave(port, 'alice-next', 'x')).status, 202)
  stalled[0]?.socket.destroy()
  await untilStatus(202)

  async function untilStatus(status: number): Promise<void> {
    for (const end = Date.now() + 10_000; (await leave(port, 'alice-fn', 'x')).status !== status; ) {
      assert.ok(Date.now() < end, `it is never answered ${status}`)
    }
  }
})

test('a body that comes in small parts is left as it came, and one that does not come is answered 408', async (t) => {
  const fn = await startEcho(t)
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint], { writeTimeoutMs: 300 })])
  const letters = Array.from({ length: 9000 }, (_none, i) => String.fromCharCode(97 + (i % 26)))
  const parts = letters.map((letter) => `1\r\n${letter}\r\n`).join('')
  const head = 'POST /async-function/alice-fn HTTP/1.1\r\nHost: x\r\n'
  const taken = await sendRaw(port, `${head}Transfer-Encoding: chunked\r\n\r\n${parts}0\r\n\r\n`, (text) => text !== '')
  assert.match(taken, /^HTTP\/1.1 202 /)
  await until(() => fn.heard.length === 1)
  assert.equal(fn.heard[0], letters.join(''))
  const late = await sendRaw(port, `${head}Content-Length: 10\r\n\r\n12345`)
  assert.match(late, /^HTTP\/1.1 408 [^]*"code":"request-timeout"/)
})
