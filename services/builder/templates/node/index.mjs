// The process of a function: loads the handler, then answers requests until it is told to stop.
import { loadHandler } from './handler.mjs'
import { createFunctionServer } from './server.mjs'
import { readSettings } from './settings.mjs'

const settings = readSettings(process.env)
const handler = await loadHandler(new URL('./function/', import.meta.url))
const { server, drain } = createFunctionServer(handler, settings)

let isStopping = false
async function stop() {
  if (isStopping) return
  isStopping = true
  const timer = setTimeout(() => {
    console.error(`requests still run after ${settings.writeTimeoutMs} ms: stopping without them`)
    process.exit(1)
  }, settings.writeTimeoutMs)
  await drain()
  clearTimeout(timer)
  // Timers and connections of the handler would keep the process alive.
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)

server.listen(settings.port, () => console.log(`listening on port ${server.address().port}`))
