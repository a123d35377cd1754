import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { closeListener } from './close-listener.ts'

async function ask(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  let received = ''
  socket.on('data', (text) => {
    received += text
  })
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await once(socket, 'close')
  return received
}

test('who waits to be accepted when a listener closes is heard, however many they are', async () => {
  const server = createServer((_req, res) => res.end('heard'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const asking = Promise.all(Array.from({ length: 50 }, () => ask(port)))
  const { ended } = await closeListener(server)
  for (const answer of await asking) assert.match(answer, /^HTTP\/1\.1 200 OK[^]*heard$/)
  await ended
  await assert.rejects(ask(port), { code: 'ECONNREFUSED' })
})

test('a connection that is kept is still heard after its listener has closed', async () => {
  const server = createServer((_req, res) => res.end('heard'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('utf8')
  let answers = 0
  socket.on('data', (text: string) => {
    answers += text.match(/heard/g)?.length ?? 0
  })
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  socket.write(request)
  while (answers === 0) await sleep(5)
  const { ended } = await closeListener(server)
  await sleep(50)
  socket.write(request)
  while (answers === 1 && !socket.closed) await sleep(5)
  assert.equal(answers, 2)
  server.closeAllConnections()
  await ended
})
