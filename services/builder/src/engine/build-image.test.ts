import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { Failure, type FailureCode } from '@slipway/domain'
import { aBuild, noRooms } from './engine.fixture.ts'
import { createImageEngine } from './image-engine.ts'

const signal = new AbortController().signal

/** An engine that answers builds as it is told: for what a real one does seldom. */
async function fakeEngine(t: TestContext, onBuild: (res: ServerResponse, req: IncomingMessage) => void) {
  const requests: string[] = []
  const server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`)
    req.resume()
    if (req.url?.startsWith('/build')) onBuild(res, req)
    else if (req.url?.startsWith('/images/')) res.end('{"Size":1}')
    else res.writeHead(404).end('{"message":"page not found"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const engine = createImageEngine({
    docker: { protocol: 'http', host: '127.0.0.1', port },
    installation: 'test',
    rooms: noRooms
  })
  return { engine, requests }
}

const events = (...lines: object[]) => lines.map((line) => `${JSON.stringify(line)}\r\n`).join('')

const failsWith = (code: FailureCode, text: RegExp) => (err: unknown) => {
  assert.ok(err instanceof Failure, String(err))
  assert.equal(err.code, code, err.message)
  assert.match(err.message, text)
  return true
}

test('where the engine has no BuildKit the classic builder is used', async (t) => {
  const id = `sha256:${'a'.repeat(64)}`
  const { engine, requests } = await fakeEngine(t, (res) =>
    res.end(events({ stream: 'Step 1/1 : FROM scratch' }, { stream: '\n' }, { aux: { ID: id } }))
  )
  const { build, text } = aBuild({ Dockerfile: 'FROM scratch\n' }, { reference: 'a/b:c' })
  assert.deepEqual(await engine.build(build, signal), { imageId: id })
  assert.equal(text(), 'slipway: [1/1] FROM scratch')
  assert.match(requests.join('\n'), /^POST \/session\nPOST \/build\?version=1&.*forcerm=true.*t=a%2Fb%3Ac/)
  assert.doesNotMatch(requests.join('\n'), /networkmode|extrahosts/)
})

test('an engine that ends a build without a result, in the middle or with nonsense is away, not the Dockerfile wrong', async (t) => {
  const answers: ((res: ServerResponse) => void)[] = [
    (res) => res.end(events({ stream: 'Step 1/1 : FROM scratch' })),
    (res) => {
      res.write(events({ stream: 'x\n' }))
      setTimeout(() => res.destroy(), 20)
    },
    (res) => res.destroy(),
    (res) => res.end('<html>'),
    (res) => res.writeHead(500).end('{"message":"something broke"}'),
    (res) => res.end(events({ error: 'write: no space left on device', errorDetail: { message: 'x' } }))
  ]
  for (const answer of answers) {
    const { engine } = await fakeEngine(t, answer)
    await assert.rejects(
      engine.build(aBuild({ Dockerfile: 'FROM scratch\n' }).build, signal),
      failsWith('unavailable', /./)
    )
  }
})

test('an engine that never answers is left when the time is over or the build is cancelled', async (t) => {
  const { engine } = await fakeEngine(t, () => {})
  const { build } = aBuild({ Dockerfile: 'FROM scratch\n' }, { timeoutMs: 100 })
  await assert.rejects(engine.build(build, signal), failsWith('timed-out', /longer than 0\.1 s/))
  const reason = new Failure('cancelled', 'enough')
  const abort = new AbortController()
  const building = engine.build({ ...build, timeoutMs: 60_000 }, abort.signal)
  setTimeout(() => abort.abort(reason), 50)
  await assert.rejects(building, (err) => err === reason)
})

test("a context that breaks on the way fails the build with the context's own reason", async (t) => {
  const { engine } = await fakeEngine(t, () => {})
  const reason = new Failure('unsafe-path', 'a link leads out of the context')
  const { build } = aBuild({ Dockerfile: 'FROM scratch\n' })
  async function* breaking() {
    yield Buffer.alloc(512)
    throw reason
  }
  let isRead = false // once for the Dockerfile, then to be sent
  const broken = {
    ...build,
    tar: () => {
      if (isRead) return Readable.from(breaking())
      isRead = true
      return build.tar()
    }
  }
  await assert.rejects(engine.build(broken, signal), (err) => err === reason)
})

test('what a step prints is never taken for the name of another image, step or result', async (t) => {
  const id = `sha256:${'b'.repeat(64)}`
  const { engine } = await fakeEngine(t, (res) =>
    res.end(
      events(
        { stream: 'Step 1/2 : RUN x' },
        { stream: '\n' },
        { stream: '{"aux":{"ID":"sha256:evil"}}\n' },
        { stream: '\u001B[91mwrong\n\u001B[0m' },
        { aux: { ID: id } }
      )
    )
  )
  const { build, text } = aBuild({ Dockerfile: 'FROM scratch\n' })
  assert.deepEqual(await engine.build(build, signal), { imageId: id })
  assert.equal(text(), 'slipway: [1/2] RUN x\nstdout: {"aux":{"ID":"sha256:evil"}}\nstderr: wrong')
})
