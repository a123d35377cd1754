import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Failure } from '@slipway/domain'
import { connectDocker } from './docker.ts'
import { freePort, isPortFree, keptPorts } from './ports.ts'
import { runProcess, startProcess } from './process.ts'
import { findProgram, requireProgram } from './program.ts'
import { waitFor } from './wait.ts'

test('a free port is free, and a taken one is not', async (t) => {
  assert.equal(await isPortFree(await freePort()), true)
  assert.equal(await isPortFree(await taken(t)), false)
})

test('ports are chosen once and kept; a preferred one that is taken is replaced', async (t) => {
  const file = join(await directoryFor(t), 'state', 'ports.json')
  const busy = await taken(t)
  const first = await keptPorts(file, { gateway: busy, redis: 0 })
  assert.notEqual(first.gateway, busy)
  assert.deepEqual(await keptPorts(file, { gateway: 8080, redis: 0 }), first)
  const more = await keptPorts(file, { gateway: 0, redis: 0, api: 0 })
  assert.equal(more.gateway, first.gateway)
  assert.ok(!Object.values(first).includes(more.api))
})

test('processes that choose ports at the same moment, before they listen, choose different ones', async (t) => {
  const directory = await directoryFor(t)
  const preferred = await freePort()
  const program = `
    const { freePort, keptPorts } = await import(${JSON.stringify(import.meta.resolve('./ports.ts'))})
    const ports = await keptPorts(process.argv[1], { api: ${preferred + 1}, redis: ${preferred + 2} })
    console.log(JSON.stringify([...Object.values(ports), await freePort()]))
    process.stdin.resume()
  `
  const children = Array.from({ length: 4 }, (_none, i) =>
    spawn(process.execPath, ['--input-type=module', '-e', program, join(directory, `${i}.json`)])
  )
  t.after(() => children.forEach((child) => child.kill()))
  const chosen = await Promise.all(
    children.map(async ({ stdout }) => JSON.parse(String((await once(stdout, 'data'))[0])) as number[])
  )
  assert.equal(new Set(chosen.flat()).size, 12, JSON.stringify(chosen))
})

test('a port is given again once the process that had it has ended', async (t) => {
  const file = join(await directoryFor(t), 'ports.json')
  const port = await freePort()
  const choose = `import(${JSON.stringify(import.meta.resolve('./ports.ts'))}).then(({ keptPorts }) =>
    keptPorts(process.argv[1], { api: ${port} }))`
  // This process has it: the next gets another.
  await promisify(execFile)(process.execPath, ['-e', choose, file])
  assert.notEqual((await keptPorts(file, { api: 0 })).api, port)
  const holder = `import(${JSON.stringify(import.meta.resolve('./ports.ts'))}).then(async ({ freePort }) =>
    console.log(await freePort()))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', holder])
  const given = Number(stdout)
  assert.equal((await keptPorts(`${file}.other`, { api: given })).api, given)
})

test('a program that is given up while it is started does not run to its end', async (t) => {
  const options = { program: '/bin/sleep', args: ['600'], logFile: join(await directoryFor(t), 'log') }
  const stop = new AbortController()
  const running = runProcess(options, stop.signal)
  stop.abort(new Error('not wanted any more'))
  await assert.rejects(running, /not wanted any more/)
})

test('a broken file of ports is told by its name', async (t) => {
  const file = join(await directoryFor(t), 'ports.json')
  for (const text of ['{', '[]x', '{"redis":"no"}', '{"redis":70000}']) {
    await writeFile(file, text)
    await assert.rejects(keptPorts(file, { redis: 0 }), (err) => err instanceof Failure && err.message.includes(file))
  }
})

test('a program is found in the path that is given before the usual directories', async (t) => {
  const directory = await directoryFor(t)
  await writeFile(join(directory, 'sh'), '', { mode: 0o755 })
  await writeFile(join(directory, 'ls'), '', { mode: 0o644 })
  assert.equal(await findProgram('sh', { path: directory }), join(directory, 'sh'))
  assert.notEqual(await findProgram('ls', { path: directory }), join(directory, 'ls'))
  assert.equal(await findProgram('no-such-program'), null)
})

test('a missing program is told with the package that has it', async () => {
  await assert.rejects(
    requireProgram(['postgres'], { directories: [] }),
    (err) => err instanceof Failure && err.message.includes('apt-get install postgresql')
  )
})

test('waiting returns the first answer that is one, and gives up saying for what it waited', async () => {
  let asked = 0
  assert.equal(await waitFor(() => (++asked < 3 ? null : 'there'), { timeoutMs: 20_000, everyMs: 1 }), 'there')
  await assert.rejects(
    waitFor(() => false, { timeoutMs: 20, everyMs: 5, what: 'rain' }),
    (err) => err instanceof Failure && err.code === 'timed-out' && err.message.endsWith('for rain')
  )
  await assert.rejects(
    waitFor(() => false, { timeoutMs: 20_000, signal: AbortSignal.abort(new Error('stopped')) }),
    /stopped/
  )
})

test('a program that cannot be started, ends at once or is never ready is told with the end of its log', async (t) => {
  const logFile = join(await directoryFor(t), 'x.log')
  const isReady = (): Promise<boolean> => Promise.resolve(false)
  const sh = await requireProgram('sh')
  await assert.rejects(startProcess({ program: '/no/such/program', args: [], logFile, isReady }), Failure)
  await assert.rejects(
    startProcess({ program: sh, args: ['-c', 'echo out of luck; exit 4'], logFile, isReady }),
    /sh ended at start \(exit code 4\).*out of luck/s
  )
  await assert.rejects(
    startProcess({
      program: sh,
      args: ['-c', 'echo still waiting; exec sleep 60'],
      logFile,
      isReady,
      readyTimeoutMs: 300
    }),
    /sh was not ready after 0\.3 s.*still waiting/s
  )
})

test('a program that does not heed the signal to stop is killed', async (t) => {
  const directory = await directoryFor(t)
  const running = await startProcess({
    program: await requireProgram('sh'),
    args: ['-c', 'trap "" TERM; touch ready; while :; do sleep 1; done'],
    cwd: directory,
    logFile: join(directory, 'x.log'),
    isReady: () => Promise.resolve(existsSync(join(directory, 'ready'))),
    stopTimeoutMs: 200
  })
  await running.stop()
  assert.deepEqual(await running.exited, { code: null, signal: 'SIGKILL' })
})

test('the environment of a started program is its own', async (t) => {
  const directory = await directoryFor(t)
  const logFile = join(directory, 'x.log')
  await assert.rejects(
    startProcess({
      program: await requireProgram('sh'),
      args: ['-c', 'echo "[$HOME][$GIVEN]"'],
      env: { GIVEN: 'yes' },
      logFile,
      isReady: () => Promise.resolve(false)
    }),
    /\[\]\[yes\]/
  )
})

test('a configured Docker engine is asked, and no other', async (t) => {
  const socketPath = join(await directoryFor(t), 'docker.sock')
  const version = { Version: '20.10.24', ApiVersion: '1.41', Os: 'linux', Arch: 'amd64' }
  const server = createHttpServer((_req, res) => res.end(JSON.stringify(version)))
  await listen(t, server, socketPath)
  const engine = await connectDocker({ dockerHost: `unix://${socketPath}` })
  assert.deepEqual(engine, {
    connection: { socketPath },
    address: `unix://${socketPath}`,
    version: '20.10.24',
    apiVersion: '1.41',
    os: 'linux',
    architecture: 'amd64',
    isLocal: true
  })
  assert.equal((await connectDocker({ sockets: ['/nowhere/docker.sock', socketPath] })).address, `unix://${socketPath}`)
})

test('a Docker engine that does not answer is told with where it was looked for and what to do', async () => {
  await assert.rejects(
    connectDocker({ dockerHost: 'unix:///nowhere/docker.sock' }),
    (err) => err instanceof Failure && err.code === 'unavailable' && err.message.includes('DOCKER_HOST unix:///nowhere')
  )
  await assert.rejects(connectDocker({ sockets: ['/nowhere/docker.sock'] }), /nowhere.*apt-get install docker\.io/s)
  await assert.rejects(
    connectDocker({ dockerHost: 'ssh://host' }),
    (err) => err instanceof Failure && err.code === 'invalid-configuration'
  )
  await assert.rejects(connectDocker({ dockerHost: 'tcp://127.0.0.1:2376', certPath: '/nowhere' }), /must hold ca\.pem/)
})

async function taken(t: TestContext): Promise<number> {
  const server = createServer()
  await listen(t, server, 0)
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function listen(t: TestContext, server: Server, where: string | number): Promise<void> {
  await new Promise<void>((resolve) => {
    if (typeof where === 'number') server.listen(where, '127.0.0.1', resolve)
    else server.listen(where, resolve)
  })
  t.after(() => server.close())
}

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-machine-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}
