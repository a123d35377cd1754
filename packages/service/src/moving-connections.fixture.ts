import { connect, createServer, type Server } from 'node:net'
import { pino } from 'pino'
import { letConnectionsMove } from './moving-connections.ts'

/** Run in a network of its own, for the setting is its network's. Prints what callers got before and after it was set. */
console.log(JSON.stringify({ before: await answersWhenOneCloses(), after: await answersOnceSet() }))

async function answersOnceSet(): Promise<string[]> {
  await letConnectionsMove(pino({ enabled: false }))
  return answersWhenOneCloses()
}

/** Of callers whose handshakes are done and whom nobody has accepted yet, some wait for the one that closes. */
async function answersWhenOneCloses(): Promise<string[]> {
  const first = await listen(0)
  const { port } = first.address() as { port: number }
  const second = await listen(port)
  const asked = Array.from({ length: 100 }, () => ask(port))
  // They connect now, and the kernel completes handshakes by itself: neither server has had a turn of the event loop yet.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  first.close()
  const answers = await Promise.all(asked)
  await new Promise((resolve) => second.close(resolve))
  return [...new Set(answers)].toSorted((a, b) => (a < b ? -1 : 1))
}

function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.end('here'))
  return new Promise((resolve) => server.listen({ host: '127.0.0.1', port, reusePort: true }, () => resolve(server)))
}

/** All that was said, or the error. */
function ask(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1' })
  let said = ''
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    said += text
  })
  socket.on('error', (err) => resolve(err.message))
  socket.on('end', () => resolve(said))
  return promise
}
