/** The image's health check: does the service answer `/healthz` at the port that its settings name? */
const { HEALTH_PORT, RECEIVER_PORT, API_PORT, GATEWAY_PORT } = process.env
const port = HEALTH_PORT || RECEIVER_PORT || API_PORT || GATEWAY_PORT
if (!port) {
  console.error('none of HEALTH_PORT, RECEIVER_PORT, API_PORT and GATEWAY_PORT is set')
  process.exit(1)
}
// 127.0.0.1 is part of 0.0.0.0, too. Node's own client: its `fetch` takes three times as long to load.
const { request } = process.getBuiltinModule('node:http')
const asked = request({ host: '127.0.0.1', port, path: '/healthz', timeout: 4000, agent: false }, ({ statusCode }) => {
  process.exit(statusCode === 200 ? 0 : 1)
})
asked.once('timeout', () => asked.destroy(new Error('no answer within 4 s')))
asked.once('error', (err) => {
  console.error(err.message)
  process.exit(1)
})
asked.end()
