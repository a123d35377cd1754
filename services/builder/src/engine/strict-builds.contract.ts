import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type TestContext, test } from 'node:test'
import { waitFor } from '@slipway/machine'
import type Docker from 'dockerode'
import { aBuild, makeBase, openRooms, startEngine, untilDuring } from './engine.fixture.ts'

const signal = AbortSignal.timeout(300_000)
const isStrict = { isolation: 'strict', noCache: true } as const

/** Containers and networks of an installation, and images that stand on a base without a name. */
async function leftOvers(docker: Docker, label: string): Promise<string[]> {
  const filters = { label: [label] }
  const containers = await docker.listContainers({ all: true, filters })
  const networks = await docker.listNetworks({ filters })
  return [...containers.map(({ Id }) => Id), ...networks.map(({ Name }) => Name)]
}

async function startStrict(t: TestContext, limits = {}) {
  const started = await startEngine(t, { limits })
  return { ...started, base: await makeBase(t, started.docker) }
}

test('a build that takes more memory than it may is ended, and its machine does not notice', async (t) => {
  const { engine, docker, label, base } = await startStrict(t, { memoryBytes: 64 * 1024 ** 2 })
  const { build } = aBuild({ Dockerfile: `FROM ${base}\nRUN x=$(yes | head -c 200000000); echo grew\n` }, isStrict)
  await assert.rejects(engine.build(build, signal), { code: 'build-failed', message: /exit code 137.*out of memory/ })
  assert.deepEqual(await leftOvers(docker, label), [])
})

test('all processes of a build together have so many and no more', async (t) => {
  const { engine, base } = await startStrict(t, { pids: 16 })
  const forking = 'i=0; while [ $i -lt 40 ]; do sleep 3 & i=$((i+1)); done; wait'
  const { build, text } = aBuild({ Dockerfile: `FROM ${base}\nRUN ${forking}\n` }, isStrict)
  await assert.rejects(engine.build(build, signal), { code: 'build-failed' })
  assert.match(text(), /Cannot fork/)
})

test('all processes of a build together have their share of the processor', async (t) => {
  const { engine, base } = await startStrict(t, { cpuMillis: 250 })
  const busy = `bash -c 'yes >/dev/null & a=$!; yes >/dev/null & b=$!; sleep 4; kill $a $b; wait; times'`
  const { build, lines } = aBuild({ Dockerfile: `FROM ${base}\nRUN ${busy}\n` }, isStrict)
  await engine.build(build, signal)
  // The shell's own times, then its children's: user and system.
  const printed = lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => text)
  const seconds = [...(printed.at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => Number(m) * 60 + Number(s))
  const used = seconds.reduce((sum, each) => sum + each, 0)
  assert.ok(used > 0.2 && used < 4 * 0.25 * 1.5, `${used} s of processor in 4 s`)
})

test('a build reaches neither the host nor private addresses, and has a network of its own', async (t) => {
  const { engine, base } = await startStrict(t)
  let met = 0
  const listener = createServer((socket) => {
    met += 1
    socket.destroy()
  })
  listener.listen(0, '0.0.0.0')
  await once(listener, 'listening')
  t.after(() => listener.close())
  const { port } = listener.address() as { port: number }
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  const hosts = own.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address)
  // What its route leads to is the host as well.
  const gateway = `g=$(while read -r i d w rest; do [ "$d" = 00000000 ] && echo $((16#\${w:6:2})).$((16#\${w:4:2})).$((16#\${w:2:2})).$((16#\${w:0:2})); done </proc/net/route)`
  const scan = `${gateway}; for h in $g 192.0.2.1 ${hosts.join(' ')}; do timeout 1 bash -c "exec 3<>/dev/tcp/$h/${port}" 2>/dev/null && echo reached $h; done; echo scanned $g`
  const files = { Dockerfile: `FROM ${base}\nCOPY scan.sh /\nRUN ["bash", "/scan.sh"]\n`, 'scan.sh': scan }
  const { build, text } = aBuild(files, isStrict)
  await engine.build(build, signal)
  assert.match(text(), /stdout: scanned 10\.201\.\d+\.\d+$/m, 'it knew where to look')
  assert.doesNotMatch(text(), /reached/)
  assert.equal(met, 0)
})

test('a build that writes more than it may is ended while it writes', async (t) => {
  const { engine, docker, label, base } = await startStrict(t)
  const writing = 'head -c 60000000 /dev/zero > /one; head -c 60000000 /dev/zero > /two; sleep 600'
  const files = { Dockerfile: `FROM ${base}\nRUN ${writing}\n` }
  const { build } = aBuild(files, { ...isStrict, diskBytes: 100 * 1024 ** 2 })
  await assert.rejects(engine.build(build, signal), {
    code: 'limit-exceeded',
    message: /wrote more than 100 MiB.*BUILD_DISK_MB/
  })
  await waitFor(async () => (await leftOvers(docker, label)).length === 0, { what: 'its end', timeoutMs: 20_000 })
})

for (const isolation of ['shared', 'strict'] as const) {
  test(`${isolation}: an image that is larger than it may be is refused and not kept`, async (t) => {
    const { engine, docker, base } = await startStrict(t)
    const files = { Dockerfile: `FROM ${base}\nCOPY large /\n`, large: Buffer.alloc(30 * 1024 ** 2) }
    const { build } = aBuild(files, { isolation, diskBytes: 20 * 1024 ** 2 })
    await assert.rejects(engine.build(build, signal), { code: 'limit-exceeded', message: /the image has \d+ MiB/ })
    await assert.rejects(docker.getImage(build.reference).inspect(), { statusCode: 404 })
  })
}

test('a build that is cancelled leaves neither its containers nor its network', async (t) => {
  const { engine, docker, label, base } = await startStrict(t)
  const abort = new AbortController()
  const { build, text } = aBuild({ Dockerfile: `FROM ${base}\nRUN echo begun; sleep 600\n` }, isStrict)
  const building = engine.build(build, abort.signal)
  await untilDuring(building, () => text().includes('stdout: begun'), { what: 'the step', timeoutMs: 30_000 })
  assert.equal((await leftOvers(docker, label)).length, 2)
  const reason = new Error('enough')
  abort.abort(reason)
  await assert.rejects(building, (err) => err === reason)
  assert.deepEqual(await leftOvers(docker, label), [])
})

test('what a builder that is gone has left is removed when no build can need it any more', async (t) => {
  const installation = `test-${randomUUID()}`
  const { docker } = await startEngine(t)
  const label = `com.slipway.installation=${installation}`
  t.after(async () => {
    for (const { Id } of await docker.listImages({ filters: { label: [label] } })) await docker.getImage(Id).remove()
  })
  const gone = await openRooms(t, installation)
  await using room = await gone.open(signal)
  assert.match(room.networkMode, /^container:/)
  const next = await openRooms(t, installation)
  assert.equal(await next.sweep(signal), 0, 'it is young')
  const later = await openRooms(t, installation, {}, () => Date.now() + 3600_000)
  assert.equal(await gone.sweep(signal), 0)
  assert.equal(await later.sweep(signal), 1)
  assert.deepEqual(await leftOvers(docker, label), [])
})

test('build secrets are refused in words', async (t) => {
  const { engine, base } = await startStrict(t)
  assert.equal(await engine.hasSecrets('strict', signal), false)
  const secrets = new Map([['npmrc', Buffer.from('hunter2')]])
  const { build } = aBuild({ Dockerfile: `FROM ${base}\n` }, { ...isStrict, secrets })
  await assert.rejects(engine.build(build, signal), { code: 'unsupported', message: /build secrets need BuildKit/ })
})
