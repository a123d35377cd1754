import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Failure } from '@slipway/domain'
import { connectDocker } from './docker.ts'
import { callEngine, type DockerConnection } from './engine-api.ts'
import { requireProgram } from './program.ts'
import { command } from './redis.fixture.ts'
import { startRedis } from './redis.ts'
import { collectLayers, startRegistry } from './registry.ts'

const image = `slipway-machine-test-${process.pid}:servers`
const notInstalled = { directories: [] }
let connection: DockerConnection

before(async () => {
  ;({ connection } = await connectDocker())
  await importPrograms()
})
after(() => callEngine(connection, 'DELETE', `/images/${image}?force=true`))

test('without an installed Redis one runs in a container, keeps its data and leaves no container behind', async (t) => {
  const directory = await directoryFor(t)
  const first = await startRedis({ directory, programs: notInstalled, image })
  t.after(() => first.stop())
  assert.equal((await containersOf(directory)).length, 1)
  process.kill(first.pid, 0) // it is a process of this machine
  await command(first.port, 'SET kept yes')
  await first.stop()
  assert.equal((await containersOf(directory)).length, 0)
  const second = await startRedis({ directory, programs: notInstalled, image, port: first.port })
  t.after(() => second.stop())
  assert.match(await command(second.port, 'GET kept'), /yes/)
})

test('without an installed registry one runs in a container, and its tools as well', async (t) => {
  const directory = await directoryFor(t)
  const registry = await startRegistry({ directory, programs: notInstalled, image })
  t.after(() => registry.stop())
  assert.equal((await fetch(`http://${registry.host}/v2/`)).status, 200)
  const begun = await fetch(`http://${registry.host}/v2/a/b/blobs/uploads/`, { method: 'POST' })
  const location = new URL(begun.headers.get('location') ?? '', `http://${registry.host}`)
  location.searchParams.set('digest', `sha256:${createHash('sha256').update('hello').digest('hex')}`)
  await fetch(location, { method: 'PUT', body: 'hello', headers: { 'content-type': 'application/octet-stream' } })
  await registry.stop()
  const { port } = registry
  const options = { directory, port, programs: notInstalled, image }
  assert.equal(await collectLayers(options, new AbortController().signal), 5)
  assert.equal((await containersOf(directory)).length, 0)
})

test('a container that outlived its process is replaced at the next start', async (t) => {
  const directory = await directoryFor(t)
  const first = await startRedis({ directory, programs: notInstalled, image })
  const second = await startRedis({ directory, programs: notInstalled, image })
  t.after(() => second.stop())
  assert.notEqual(await first.exited, undefined)
  assert.equal((await containersOf(directory)).length, 1)
})

test('a program that ends at once is told with what it printed', async (t) => {
  const directory = await directoryFor(t)
  const first = await startRedis({ directory, programs: notInstalled, image })
  await first.stop()
  await rm(join(directory, 'appendonlydir'), { recursive: true })
  await writeFile(join(directory, 'appendonlydir'), 'in the way')
  await assert.rejects(
    startRedis({ directory, programs: notInstalled, image }),
    (err) => err instanceof Failure && err.code === 'unavailable' && /ended at start.*appendonly/s.test(err.message)
  )
  assert.equal((await containersOf(directory)).length, 0)
})

async function containersOf(directory: string): Promise<unknown[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.slipway.server=${directory}`] }))
  return (await callEngine(connection, 'GET', `/containers/json?all=true&filters=${filters}`)).list
}

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-container-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** No image can be pulled on every machine: this one is made of the installed programs and the libraries that they name. */
async function importPrograms(): Promise<void> {
  const redis = await realpath(await requireProgram('redis-server'))
  const registry = await realpath(await requireProgram(['docker-registry', 'registry']))
  const { stdout } = await promisify(execFile)('ldd', [redis, registry])
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? '')
  const names = [`s,^.*/${basename(redis)}$,bin/redis-server,`, `s,^.*/${basename(registry)}$,bin/registry,`]
  const args = ['-ch', '-C', '/', ...names.flatMap((name) => ['--transform', name])]
  const tar = spawn(
    'tar',
    [...args, redis, registry, ...new Set(libraries)].map((path, i) => (i < args.length ? path : path.slice(1))),
    {
      stdio: ['ignore', 'pipe', 'ignore']
    }
  )
  const [repository, tag] = image.split(':')
  const query = `fromSrc=-&repo=${repository}&tag=${tag}&changes=${encodeURIComponent('ENV PATH=/bin')}`
  await new Promise<void>((resolve, reject) => {
    const req = request({ ...connection, method: 'POST', path: `/images/create?${query}` }, (res) => {
      res.resume()
      res.once('end', () =>
        res.statusCode === 200 ? resolve() : reject(new Error(`import answered ${res.statusCode}`))
      )
    })
    req.once('error', reject)
    tar.stdout.pipe(req)
  })
}
