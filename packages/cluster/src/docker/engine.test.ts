import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type TestContext, test } from 'node:test'
import { createEngine, engineMessage, statusOf } from './engine.ts'

const signal = () => AbortSignal.timeout(10_000)

async function serve(t: TestContext, answer: RequestListener, port = 0) {
  const server = createServer(answer).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    server.closeAllConnections()
    if (server.listening) await once(server.close(), 'close')
  }
  t.after(close)
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { port: address.port, close }
}

function open(t: TestContext, port: number) {
  const engine = createEngine({ host: '127.0.0.1', port, protocol: 'http' })
  t.after(() => engine.close())
  return (timeoutMs?: number, aborted = signal()) =>
    engine.call('list containers', aborted, (docker, abortSignal) => docker.listContainers({ abortSignal }), timeoutMs)
}

const empty: RequestListener = (_, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('[]')

test('an engine that goes away and comes back is noticed both times', async (t) => {
  const first = await serve(t, empty)
  const call = open(t, first.port)
  assert.deepEqual(await call(), [])
  await first.close()
  await assert.rejects(call(), { code: 'unavailable' }) // the connection that was kept breaks
  await assert.rejects(call(), { code: 'unavailable', message: /could not list containers.*is it running\?/ })
  await serve(t, empty, first.port)
  assert.deepEqual(await call(), [])
})

test('an engine that does not answer is given up', async (t) => {
  const { port } = await serve(t, () => undefined)
  await assert.rejects(open(t, port)(200), { code: 'unavailable', message: /did not answer within 0\.2 s/ })
})

test('an engine that breaks off is given up', async (t) => {
  const { port } = await serve(t, (_, res) => {
    res.writeHead(200).write('[')
    setTimeout(() => res.destroy(), 50)
  })
  await assert.rejects(open(t, port)(500), { code: 'unavailable' })
})

test("a caller who gives up gets his own reason, not the engine's", async (t) => {
  const { port } = await serve(t, () => undefined)
  const controller = new AbortController()
  const reason = new Error('given up')
  setTimeout(() => controller.abort(reason), 50)
  await assert.rejects(open(t, port)(5000, controller.signal), reason)
  await assert.rejects(open(t, port)(5000, controller.signal), reason)
})

test('what the engine says about an error is kept', async (t) => {
  const { port } = await serve(t, (_, res) =>
    res.writeHead(409, { 'content-type': 'application/json' }).end('{"message":"name is taken"}')
  )
  await assert.rejects(open(t, port)(), (err: unknown) => {
    assert.equal(statusOf(err), 409)
    assert.equal(engineMessage(err), 'name is taken')
    return true
  })
})
