import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createLogger } from './logger.ts'
import { createServer, listenOn } from './server.ts'

const logger = createLogger('test', 'silent')

test('a port that somebody else has is told by the setting that names another', async (t) => {
  const [first, second] = [createServer({ logger }), createServer({ logger })]
  t.after(() => Promise.all([first.close(), second.close()]))
  const host = '127.0.0.1'
  assert.match(await listenOn(first, { host, port: 0 }, 'API_PORT'), /^http:\/\/127\.0\.0\.1:\d+$/)
  const { port } = first.server.address() as AddressInfo
  await assert.rejects(listenOn(second, { host, port }, 'API_PORT'), {
    code: 'invalid-configuration',
    message: new RegExp(`^cannot listen on 127\\.0\\.0\\.1 port ${port} \\(.*EADDRINUSE.*\\): set another API_PORT$`)
  })
})
