// Serves a folder of files until it is told to stop.
import { setTimeout as sleep } from 'node:timers/promises'
import { createFileServer } from './server.mjs'

/** How long a stopping server still takes new requests, so that whoever sends them can notice. */
const lameDuckMs = 400

const { server, drain } = createFileServer(new URL('./function/', import.meta.url))
let isStopping = false
async function stop() {
  if (isStopping) return
  isStopping = true
  drain()
  await sleep(lameDuckMs)
  server.close(() => process.exit(0))
  // Connections whose downloads still run go idle later.
  setInterval(() => server.closeIdleConnections(), 50)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)

server.listen(Number(process.env.port || 8080), () => console.log(`listening on port ${server.address().port}`))
