// What runs in the image of function-image.ts: a small function whose behaviour is set by its environment,
// and which tells and tries from inside what only a test wants to know.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'

const { env } = process
const startedAt = Date.now()
const number = (name, otherwise) => (env[name] === undefined ? otherwise : Number(env[name]))
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const kept = []

for (const line of (env.PRINT ?? '').split('\n').filter((text) => text !== '')) console.log(line)
for (const line of (env.PRINT_ERROR ?? '').split('\n').filter((text) => text !== '')) console.error(line)
if (env.EXIT_CODE !== undefined) {
  await wait(number('EXIT_AFTER_MS', 0))
  process.exit(number('EXIT_CODE', 1))
}
if (env.EAT_MIB !== undefined) eat(number('EAT_MIB', 0))

function eat(mebibytes) {
  for (let i = 0; i < mebibytes; i++) kept.push(Buffer.alloc(1024 * 1024, 1))
  return { eaten: kept.length }
}

function about() {
  const status = readFileSync('/proc/self/status', 'utf8')
  const field = (name) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]
  return {
    uid: process.getuid(),
    gid: process.getgid(),
    capabilities: { effective: field('CapEff'), permitted: field('CapPrm'), bounding: field('CapBnd') },
    noNewPrivileges: field('NoNewPrivs') === '1',
    environment: { ...env }
  }
}

function write(path, mebibytes) {
  try {
    writeFileSync(path, Buffer.alloc(mebibytes * 1024 * 1024))
    return { written: path }
  } catch (err) {
    return { error: err.code }
  }
}

function read(path) {
  try {
    return { text: readFileSync(path, 'utf8'), entries: readdirSync(dirname(path)).sort() }
  } catch (err) {
    return { error: err.code }
  }
}

/** Whether a TCP connection from inside comes about. */
function dial(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 })
    const end = (outcome) => {
      socket.destroy()
      resolve({ outcome })
    }
    socket.once('connect', () => end('open'))
    socket.once('timeout', () => end('timeout'))
    socket.once('error', (err) => end(err.code))
  })
}

async function fork(count) {
  const children = []
  let refused = 0
  for (let i = 0; i < count; i++) {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 30000)'], { stdio: 'ignore' })
    child.once('error', () => refused++)
    child.once('exit', () => refused++)
    children.push(child)
  }
  await wait(1500)
  const alive = children.filter(
    (child) => child.pid !== undefined && child.exitCode === null && child.signalCode === null
  )
  for (const child of children) child.kill('SIGKILL')
  return { alive: alive.length, refused }
}

let slow = 0
async function answer(url) {
  const query = Object.fromEntries(url.searchParams)
  switch (url.pathname) {
    case '/about':
      return about()
    case '/write':
      return write(query.path, Number(query.mib ?? 0))
    case '/read':
      return read(query.path)
    case '/dial':
      return await dial(query.host, Number(query.port))
    case '/fork':
      return await fork(Number(query.count))
    case '/eat':
      return eat(Number(query.mib))
    case '/print':
      console.log(query.text.repeat(Number(query.times ?? 1)))
      return { printed: query.text }
    case '/slow':
      slow++
      await wait(Number(query.ms))
      return { waited: Number(query.ms) }
    case '/slow/begun':
      return { count: slow }
    case '/exit':
      setTimeout(() => process.exit(Number(query.code)), 10)
      return { exiting: Number(query.code) }
    default:
      return null
  }
}

let asked = 0
function readyStatus() {
  asked++
  if (asked > number('BUSY_AFTER', Number.POSITIVE_INFINITY)) return 429
  return Date.now() - startedAt < number('READY_AFTER_MS', 0) ? 503 : number('READY_STATUS', 200)
}

const server = createServer(async (req, res) => {
  const url = new URL(req.url, 'http://function')
  if (url.pathname === (env.READY_PATH ?? '/_/ready')) return res.writeHead(readyStatus()).end()
  if (url.pathname.startsWith('/_/')) return res.writeHead(404).end()
  if (env.SLOW_MS !== undefined) await wait(number('SLOW_MS', 0))
  const told = await answer(url)
  // A connection that stays open would keep it from ending.
  if (isEnding) res.setHeader('connection', 'close')
  if (told !== null) return res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(told))
  res.writeHead(200, { 'content-type': 'text/plain' }).end(env.ANSWER ?? 'hello')
})

// A function ends as it should: what was begun is answered, then it goes.
let isEnding = false
process.once('SIGTERM', () => {
  isEnding = true
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
setTimeout(() => server.listen(number('LISTEN_PORT', 8080), '0.0.0.0'), number('LISTEN_AFTER_MS', 0))
