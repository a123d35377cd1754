import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hash } from 'bcryptjs'
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
  const { directory, logger } = options
  const start = await findServer(source, options)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  return withPort(options.port, 'the registry', async (port) => {
    const host = `127.0.0.1:${port}`
    const mark = randomBytes(16).toString('hex')
    const configFile = join(directory, 'config.json')
    const config = await configuration(options, host, mark)
    await writeFile(configFile, JSON.stringify(config, null, 2), { mode: 0o600 })
    const running = await start({
      directory,
      args: ['serve', configFile],
      cwd: directory,
      env: { OTEL_TRACES_EXPORTER: 'none' }, // version 3 sends traces to port 4318 otherwise
      logFile: join(directory, 'registry.log'),
      isReady: () => isOurRegistry(host, mark),
      stopTimeoutMs: 3000,
      ...(logger === undefined ? {} : { logger })
    })
    const { pid, exited, stop } = running
    return { host, port, pid, exited, stop }
  })
}

/** Its configuration file is YAML, of which JSON is a part. */
async function configuration(options: RegistryOptions, host: string, mark: string): Promise<object> {
  const { directory, auth } = options
  return {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(directory, 'data') },
      cache: { blobdescriptor: 'inmemory' },
      delete: { enabled: true }
    },
    http: { addr: host, secret: randomBytes(16).toString('hex'), headers: { 'X-Slipway-Start': [mark] } },
    ...(auth === undefined
      ? {}
      : { auth: { htpasswd: { realm: 'slipway', path: await writePasswords(directory, auth) } } })
  }
}

async function writePasswords(directory: string, auth: { username: string; password: string }): Promise<string> {
  const file = join(directory, 'htpasswd')
  await writeFile(file, `${auth.username}:${await hash(auth.password, 8)}\n`, { mode: 0o600 })
  return file
}

/** Ready, and the one that was started now. Without a password it answers 401, which will do. */
async function isOurRegistry(host: string, mark: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${host}/v2/`, { signal: AbortSignal.timeout(1000) })
    await answer.arrayBuffer()
    return answer.headers.get('x-slipway-start') === mark
  } catch {
    return false // not listening yet
  }
}
