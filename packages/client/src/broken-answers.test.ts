import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createStatusApi } from './client.ts'
import { createInternalClient } from './internal.ts'

const signal = new AbortController().signal

async function serverFor(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** As a service does that is killed while it answers. */
const breaksOff: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 })
  response.write('{"items":[', () => response.destroy())
}

test('an answer of the deployer that breaks off says that it is away, which is tried again', async (t) => {
  const internal = createInternalClient({ url: await serverFor(t, breaksOff) }, 'token')
  await assert.rejects(internal.list(signal), { code: 'unavailable', retry: true })
})

test('an answer of the status API that breaks off, or is somebody else’s, is no bug of who asked', async (t) => {
  const stranger = await serverFor(t, (_request, response) => response.end('<html>'))
  for (const url of [await serverFor(t, breaksOff), stranger]) {
    const api = createStatusApi({ url, token: null })
    await assert.rejects(api.listBuilds({}), { code: 'unavailable', message: /is it Slipway at http/ })
  }
})
