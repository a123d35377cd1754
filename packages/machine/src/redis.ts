import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Failure } from '@slipway/domain'
import { freePort, isPortFree } from './ports.ts'
import type { MachineLogger, ProcessEnd } from './process.ts'
import { findServer, type ServerSource, type SourceOptions } from './server.ts'

export interface RedisOptions extends SourceOptions {
  /** Holds the data, which is kept from one start to the next, and the log. */
  directory: string
  /** A free one is chosen when none is given. */
  port?: number
  logger?: MachineLogger
}

export interface RunningServer {
  port: number
  pid: number
  exited: Promise<ProcessEnd>
  stop(): Promise<void>
}

export interface RunningRedis extends RunningServer {
  /** `redis://127.0.0.1:port` */
  url: string
}

const source: ServerSource = {
  programs: ['redis-server', 'valkey-server'],
  image: 'redis:7-alpine',
  programInImage: 'redis-server'
}

/**
 * Starts a Redis (or Valkey) of our own on the loopback interface. What it acknowledged is on disk, and it never evicts:
 * a queue is no cache. No configuration file of the machine is read.
 *
 * @throws Failure `invalid-configuration` when none is installed or the port is taken; `unavailable` when it does not start
 */
export async function startRedis(options: RedisOptions): Promise<RunningRedis> {
  const { directory, logger } = options
  const { start } = await findServer(source, options)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  return withPort(options.port, 'Redis', async (port) => {
    const settings = {
      port: String(port),
      bind: '127.0.0.1',
      dir: directory,
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'maxmemory-policy': 'noeviction'
    }
    const running = await start({
      directory,
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      cwd: directory,
      logFile: join(directory, 'redis.log'),
      isReady: (pid) => isOurRedis(port, pid),
      ...(logger === undefined ? {} : { logger })
    })
    const { pid, exited, stop } = running
    return { url: `redis://127.0.0.1:${port}`, port, pid, exited, stop }
  })
}

/** Ready, and not another Redis that took the port a moment before: it names the process that it is. */
async function isOurRedis(port: number, pid: number): Promise<boolean> {
  const answer = await ask(port, 'INFO server\r\n', (text) => text.includes('process_id:') || text.startsWith('-'))
  return new RegExp(`process_id:${pid}\\r?\\n`).test(answer) && (await hasLoaded(port))
}

async function hasLoaded(port: number): Promise<boolean> {
  return (await ask(port, 'PING\r\n', (text) => text.endsWith('\r\n'))).startsWith('+PONG')
}

/** One inline command. Empty when nobody answers. */
function ask(port: number, command: string, isComplete: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect({ host: '127.0.0.1', port })
    const end = (): void => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(1000, end)
    socket.once('error', end)
    socket.once('close', end)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (isComplete(text)) end()
    })
    socket.write(command)
  })
}

/** Starts something on the port that was asked for, or on a free one, which another program may take in the meantime: then the next. */
export async function withPort<T>(
  wanted: number | undefined,
  what: string,
  start: (port: number) => Promise<T>
): Promise<T> {
  if (wanted !== undefined) {
    await refuseTakenPort(wanted, what)
    return start(wanted)
  }
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      return await start(port)
    } catch (err) {
      if (attempt === 3 || (await isPortFree(port))) throw err
    }
  }
}

async function refuseTakenPort(port: number, what: string): Promise<void> {
  if (await isPortFree(port)) return
  throw new Failure(
    'invalid-configuration',
    `port ${port} for ${what} is taken by another program: stop that one or choose another port`
  )
}
