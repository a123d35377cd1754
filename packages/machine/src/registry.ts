import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ask } from './ask.ts'
import type { MachineLogger } from './process.ts'
import { type RunningServer, withPort } from './redis.ts'
import { findServer, type ServerSource, type SourceOptions } from './server.ts'

export interface RegistryOptions extends SourceOptions {
  /** Holds the images, which are kept from one start to the next, the configuration and the log. */
  directory: string
  /** A free one is chosen when none is given. Names of images contain it. */
  port?: number
  /** Asked of everybody when given. */
  auth?: { username: string; password: string }
  logger?: MachineLogger
}

export interface RunningRegistry extends RunningServer {
  /** `127.0.0.1:port`, what names of images begin with. Docker engines speak plain HTTP to it. */
  host: string
}

const source: ServerSource = {
  programs: ['docker-registry', 'registry'],
  image: 'registry:2',
  programInImage: 'registry'
}

/**
 * Starts a registry of our own on the loopback interface: CNCF Distribution 2.8 or 3, as `docker-registry` (Debian) or `registry`.
 *
 * @throws Failure `invalid-configuration` when none is installed or the port is taken; `unavailable` when it does not start
 */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  return start(options, false)
}

async function start(options: RegistryOptions, isReadOnly: boolean): Promise<RunningRegistry> {
  const { directory, logger } = options
  const server = await findServer(source, options)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  return withPort(options.port, 'the registry', async (port) => {
    const host = `127.0.0.1:${port}`
    const mark = randomBytes(16).toString('hex')
    const configFile = join(directory, 'config.json')
    const config = await configuration(options, host, mark, isReadOnly)
    await writeFile(configFile, JSON.stringify(config, null, 2), { mode: 0o600 })
    const running = await server.start({
      directory,
      args: ['serve', configFile],
      cwd: directory,
      env: environment,
      logFile: join(directory, 'registry.log'),
      isReady: () => isOurRegistry(host, mark),
      stopTimeoutMs: 3000,
      ...(logger === undefined ? {} : { logger })
    })
    const { pid, exited, stop } = running
    return { host, port, pid, exited, stop }
  })
}

/** Version 3 sends traces to port 4318 otherwise. */
const environment = { OTEL_TRACES_EXPORTER: 'none' }

/**
 * Collects the layers that no manifest leads to any more, of a registry that is stopped for it: meanwhile it is served read-only,
 * for a push that finds a layer there must not lose it before its manifest is. A registry also remembers what it has,
 * so it has to be begun anew afterwards: to be called between a stop and a start.
 *
 * @returns how many bytes that freed
 * @throws Failure `unavailable`, `invalid-configuration`
 */
export async function collectLayers(options: RegistryOptions & { port: number }, signal: AbortSignal): Promise<number> {
  const { directory } = options
  const blobs = join(directory, 'data', 'docker', 'registry', 'v2', 'blobs')
  const before = await sizeOf(blobs)
  // Its tool takes a registry that nothing was ever pushed to for a broken one.
  if (before === 0) return 0
  const server = await findServer(source, options)
  const readOnly = await start(options, true)
  try {
    const configFile = join(directory, 'config.json')
    const logFile = join(directory, 'collect.log')
    await rm(logFile, { force: true })
    await server.run({ directory, args: ['garbage-collect', configFile], env: environment, logFile }, signal)
  } finally {
    await readOnly.stop()
  }
  return before - (await sizeOf(blobs))
}

/** Bytes in the files below a directory; 0 when there is none. */
async function sizeOf(directory: string): Promise<number> {
  let bytes = 0
  try {
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
    }
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'ENOENT')) throw err
  }
  return bytes
}

/** Its configuration file is YAML, of which JSON is a part. */
async function configuration(
  options: RegistryOptions,
  host: string,
  mark: string,
  isReadOnly: boolean
): Promise<object> {
  const { directory, auth } = options
  return {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(directory, 'data') },
      cache: { blobdescriptor: 'inmemory' },
      delete: { enabled: true },
      maintenance: {
        readonly: { enabled: isReadOnly },
        // What pushes that broke off left behind.
        uploadpurging: { enabled: true, age: '24h', interval: '6h', dryrun: false }
      }
    },
    http: { addr: host, secret: randomBytes(16).toString('hex'), headers: { 'X-Slipway-Start': [mark] } },
    ...(auth === undefined
      ? {}
      : { auth: { htpasswd: { realm: 'slipway', path: await writePasswords(directory, auth) } } })
  }
}

async function writePasswords(directory: string, auth: { username: string; password: string }): Promise<string> {
  const file = join(directory, 'htpasswd')
  const { hash } = await import('bcryptjs')
  await writeFile(file, `${auth.username}:${await hash(auth.password, 8)}\n`, { mode: 0o600 })
  return file
}

/** Ready, and the one that was started now. Without a password it answers 401, which will do. */
async function isOurRegistry(host: string, mark: string): Promise<boolean> {
  const answer = await ask(`http://${host}/v2/`)
  return answer?.headers['x-slipway-start'] === mark
}
