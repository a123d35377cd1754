import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { type BuildRoomLimits, createBuildRooms } from '@slipway/cluster/build-rooms'
import { connectDocker, startRegistry, type WaitOptions, waitFor } from '@slipway/machine'
import Docker from 'dockerode'
import { pack } from 'tar-stream'
import type { ImageBuild } from './build-image.ts'
import type { LogLine } from './build-log.ts'
import { createImageEngine, type ImageEngineOptions } from './image-engine.ts'

/** A build context of these files. */
export function contextOf(files: Record<string, string | Buffer>, mode = 0o644): Readable {
  const tar = pack()
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mode, mtime: new Date(0) }, content)
  tar.finalize()
  return Readable.from(tar, { objectMode: false })
}

/** A shell and a few commands with the libraries that they need, from this machine: no image can be pulled here. */
function smallRoot(): Readable {
  const programs = ['sh', 'bash', 'timeout', 'sleep', 'yes', 'head', 'cat', 'echo', 'env'].map((name) =>
    execFileSync('/bin/sh', ['-c', `command -v ${name} | grep / || ls /bin/${name}`], { encoding: 'utf8' }).trim()
  )
  const libraries = programs.flatMap((program) =>
    [...execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)].map((found) => found[1] ?? '')
  )
  const paths = [...new Set([...programs.map((program) => `/bin/${program.split('/').at(-1)}`), ...libraries])]
  const files = Object.fromEntries(paths.map((path) => [path.slice(1), readFileSync(realpathSync(path))]))
  return contextOf({ ...files, unique: randomUUID() }, 0o755)
}

export const noRooms: ImageEngineOptions['rooms'] = {
  open: () => Promise.reject(new Error('this test keeps no builds apart')),
  sweep: () => Promise.resolve(0)
}

/** Rooms of an installation on the engine of this machine, with small limits. */
export async function openRooms(
  t: TestContext,
  installation: string,
  limits: Partial<BuildRoomLimits> = {},
  now = Date.now
) {
  const { connection } = await connectDocker({ dockerHost: process.env.DOCKER_HOST ?? '' })
  const rooms = createBuildRooms({
    docker: connection,
    installation,
    networkPool: '10.201.0.0/16',
    firewall: 'on',
    resolvers: [],
    limits: { memoryBytes: 128 * 1024 ** 2, cpuMillis: 500, pids: 64, ...limits },
    longestMs: 600_000,
    logger: { info: () => {}, warn: (fields, message) => t.diagnostic(`${message} ${JSON.stringify(fields)}`) },
    now
  })
  t.after(() => rooms.close())
  return rooms
}

export async function startEngine(
  t: TestContext,
  { limits, ...options }: Partial<ImageEngineOptions> & { limits?: Partial<BuildRoomLimits> } = {}
) {
  const { connection } = await connectDocker({ dockerHost: process.env.DOCKER_HOST ?? '' })
  const docker = new Docker(connection)
  const installation = `test-${randomUUID()}`
  const label = `com.slipway.installation=${installation}`
  const engine = createImageEngine({
    docker: connection,
    installation,
    rooms: limits === undefined ? noRooms : await openRooms(t, installation, limits),
    ...options
  })
  t.after(async () => {
    for (const { Id } of await docker.listImages({ filters: { label: [label] } })) {
      await docker.getImage(Id).remove({ force: true })
    }
  })
  return { engine, docker, installation, label }
}

/** Makes a base image with a shell under a name of its own, gone after the test. */
export async function makeBase(t: TestContext, docker: Docker): Promise<string> {
  const repository = `slipway-test-${randomUUID()}`
  const stream = await docker.importImage(smallRoot(), { repo: repository, tag: 'base' })
  stream.resume()
  await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject))
  t.after(() => docker.getImage(`${repository}:base`).remove({ force: true }))
  return `${repository}:base`
}

export async function openRegistry(t: TestContext, auth?: { username: string; password: string }) {
  const directory = mkdtempSync(join(tmpdir(), 'registry-'))
  const registry = await startRegistry({ directory, ...(auth && { auth }) })
  t.after(async () => {
    await registry.stop()
    rmSync(directory, { recursive: true })
  })
  return registry
}

/** A build with the usual values, and the lines that it logs. */
export function aBuild(files: Record<string, string | Buffer>, more: Partial<ImageBuild> = {}) {
  const lines: LogLine[] = []
  const build: ImageBuild = {
    tar: () => contextOf(files),
    dockerfile: 'Dockerfile',
    buildArgs: {},
    reference: `slipway-test-${randomUUID()}:key`,
    labels: {},
    noCache: false,
    timeoutMs: 60_000,
    isolation: 'shared',
    diskBytes: 10 * 1024 ** 3,
    onLog: (line) => lines.push(line),
    ...more
  }
  return { build, lines, text: () => lines.map(({ stream, text }) => `${stream}: ${text}`).join('\n') }
}

/** Waits for a moment in the middle of a build. One that ends before it fails the test with its own reason. */
export async function untilDuring(building: Promise<unknown>, condition: () => boolean, options: WaitOptions) {
  const stop = new AbortController()
  const ended = building.then(() => {
    throw new Error(`the build ended before ${options.what}`)
  })
  try {
    await Promise.race([waitFor(condition, { ...options, signal: stop.signal }), ended])
  } finally {
    stop.abort()
  }
}
