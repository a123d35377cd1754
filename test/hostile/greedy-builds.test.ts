import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { after, before, test } from 'node:test'
import { waitFor } from '@slipway/machine'
import Docker from 'dockerode'
import { call, createScene, type Scene, saying, stackOf, type TestRepository } from '../system/scene.ts'

const base = process.env.BASE_NODE ?? ''
const logLimitBytes = 256 * 1024
const diskMb = 400
let scene: Scene
/** What a scan would find: on every address of this host. */
let met = 0
const listener = createServer((socket) => {
  met += 1
  socket.destroy()
})

before(async () => {
  listener.listen(0, '0.0.0.0')
  await once(listener, 'listening')
  scene = await createScene({
    BUILD_ISOLATION: 'strict',
    STRICT_MEMORY_MB: '256',
    STRICT_CPU_MILLIS: '300',
    STRICT_PIDS: '64',
    BUILD_DISK_MB: String(diskMb),
    BUILD_LOG_LIMIT_BYTES: String(logLimitBytes),
    BUILD_TIMEOUT_MS: '40000',
    FUNCTION_SLOTS: '3',
    READY_TIMEOUT_MS: '60000'
  })
})

after(async () => {
  await scene.close()
  listener.close()
})

/** One after the other, as a Dockerfile would name them. */
function greeds(): Record<string, string> {
  const { port } = listener.address() as { port: number }
  const hosts = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).flatMap(({ family, internal, address }) => (family === 'IPv4' && !internal ? [address] : []))
  )
  const scan = `
    const { connect } = require('node:net')
    const route = require('node:fs').readFileSync('/proc/net/route', 'utf8').split('\\n').map((line) => line.split('\\t')).find((line) => line[1] === '00000000')
    const gateway = route[2].match(/../g).reverse().map((byte) => Number.parseInt(byte, 16)).join('.')
    const ask = (host) => new Promise((resolve) => {
      const socket = connect({ host, port: ${port}, timeout: 1500 })
      const end = (how) => { socket.destroy(); resolve(host + ' ' + how) }
      socket.on('connect', () => end('OPEN')).on('timeout', () => end('closed')).on('error', () => end('closed'))
    })
    Promise.all([gateway, ...${JSON.stringify(hosts)}].map(ask)).then((found) => process.exit(found.some((one) => one.includes('OPEN')) ? 9 : 0))`
  return {
    memory: runs('const all = []; for (;;) all.push(Buffer.alloc(16e6, 1))'),
    forks: 'RUN bomb() { bomb | bomb & }; bomb; sleep 8',
    processor: 'RUN for i in 1 2 3 4; do while :; do :; done & done; wait',
    log: 'RUN yes 0123456789012345678901234567890123456789 | head -c 1000000000',
    disk: 'RUN head -c 4000000000 /dev/zero > /large; sleep 30',
    scan: runs(scan)
  }
}

const runs = (script: string) =>
  `RUN echo ${Buffer.from(script).toString('base64')} | base64 -d > /run.cjs && node /run.cjs`

async function pushGreedy(repository: TestRepository): Promise<string> {
  const all = Object.entries(greeds())
  const files = all.map(([name, line]) => [
    `${name}/Dockerfile`,
    `FROM ${base}\nUSER root\nRUN echo ${name}\n${line}\n`
  ])
  const stack = stackOf(Object.fromEntries(all.map(([name]) => [name, { lang: 'dockerfile' }])))
  return repository.push({ 'stack.yml': stack, ...(Object.fromEntries(files) as Record<string, string>) })
}

/** From the push to the answer. */
async function pushAndWait(repository: TestRepository, words: string): Promise<number> {
  const startedAt = performance.now()
  const commit = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(words) })
  const { status, reason } = await repository.ended(commit, 150_000)
  assert.equal(status, 'live', reason ?? '')
  assert.equal((await call(scene, '/function/alice-hello')).body, words)
  return performance.now() - startedAt
}

test('a greedy build in strict isolation comes to its limits, and a well-behaved one beside it is not disturbed', {
  timeout: 380_000
}, async (t) => {
  const docker = new Docker()
  const well = await scene.repository({ owner: 'alice' })
  const greedy = await scene.repository({ owner: 'mallory', name: 'greedy' })
  await pushAndWait(well, 'first')
  const alone = Math.min(await pushAndWait(well, 'second'), await pushAndWait(well, 'third'))

  const commit = await pushGreedy(greedy)
  const { api, endpoints } = scene.installation
  await waitFor(async () => (await api.listBuilds({ commit, status: 'building' })).items[0], {
    timeoutMs: 60_000,
    what: 'the greedy build'
  })
  const isGreedyStill = async () => (await api.listBuilds({ commit })).items[0]?.status === 'building'
  // A slow machine has time for fewer of them, all the while that the other one is greedy.
  const beside: number[] = []
  for (const words of ['fourth', 'fifth', 'sixth']) {
    const tookMs = await pushAndWait(well, words)
    if (!(await isGreedyStill())) break
    beside.push(tookMs)
  }
  t.diagnostic(`alone ${alone.toFixed(0)} ms, beside ${beside.map((ms) => ms.toFixed(0)).join(', ')} ms`)
  assert.ok(beside.length > 0, 'one was live while the other one was greedy')
  assert.ok(Math.min(...beside) < alone * 3 + 5000, 'a machine that others use as well is given its time')

  const build = await greedy.ended(commit, 200_000)
  const ends = Object.fromEntries(build.functions.map(({ name, status, reason }) => [name, `${status}: ${reason}`]))
  for (const [name, end] of Object.entries(ends)) t.diagnostic(`${name} ${end}`)
  assert.equal(build.status, 'failed')
  assert.match(ends.memory ?? '', /^failed: exit code 137.*run out of memory/)
  assert.match(ends.processor ?? '', /^failed: the build took longer than 40 s/)
  assert.match(ends.disk ?? '', new RegExp(`^failed: the build wrote more than ${diskMb} MiB`))
  const chunks = await Array.fromAsync(api.followLog(build.id, { follow: false }))
  const log = chunks.map(({ text }) => text).join('\n')
  assert.ok(log.length < logLimitBytes * 1.5, `${log.length}`)
  assert.doesNotMatch(ends.scan ?? '', /^failed/)
  assert.match(log, /pushed .*\/greedy-scan@sha256:/, 'it looked and found nothing')
  assert.equal(met, 0, 'nothing of the host was reached')

  const label = [`com.slipway.installation=${endpoints.installation}`, 'com.slipway.role=build']
  const left = async () => [
    ...(await docker.listContainers({ all: true, filters: { label } })).map(({ Names }) => Names.join()),
    ...(await docker.listNetworks({ filters: { label } })).map(({ Name }) => Name)
  ]
  await waitFor(async () => (await left()).length === 0, { timeoutMs: 15_000, what: 'the sandboxes to be gone' })
})
