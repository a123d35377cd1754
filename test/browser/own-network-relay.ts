import { execFileSync } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'

/** Runs in the browser's own network: takes its connections there and hands each to the socket of whoever started it. */
const [path = ''] = process.argv.slice(2)
execFileSync('ip', ['link', 'set', 'lo', 'up'])
const server = createServer({ allowHalfOpen: true }, (browser) => {
  const outside = connect({ path, allowHalfOpen: true })
  // Either end may go away at any time: then the other goes as well.
  pipeline(browser, outside, browser, () => {})
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
})
// Nobody is to be left behind, however the one who started it ends.
process.stdin.on('end', () => process.exit()).resume()
