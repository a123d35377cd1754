import { mkdir, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createStatusApi } from '@slipway/client'
import type { Installation, InstallationOptions } from '@slipway/demo'
import { freePort, type RunningProcess, startProcess, startRedis, waitFor } from '@slipway/machine'
import { createStore } from '@slipway/store'
import { createRelay, type Relay } from './relay.ts'

/** A process of the installation that may be killed and started again. */
export interface Member {
  readonly name: string
  readonly pid: number
  /** Kills it and waits for its end. */
  kill(): Promise<void>
  /** Ends it in order. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** When a member was killed: from the signal to the end of its process. Milliseconds of `performance.now()`. */
export interface Death {
  member: string
  at: number
  goneAt: number
}

/** Every service as a process of its own, two gateways on one port, and a Redis of its own. */
export interface Fleet extends Installation {
  members: Map<string, Member>
  relay: Relay
  deaths: Death[]
  /** Members that ended without having been asked to. */
  crashes: string[]
  redisPort: number
  /** Where the receiver itself listens; `endpoints.receiver` is the relay before it. */
  receiverUrl: string
}

type Running = Pick<RunningProcess, 'pid' | 'exited' | 'stop'>

/** Of `gateway-2` it is `gateway`. */
export const serviceOf = (name: string) => name.replace(/-\d+$/, '')

export interface FleetOptions extends InstallationOptions {
  /** Names of the services' processes; a number behind a name makes one more of the same. */
  services?: readonly string[]
  /** Another program than its own for a service. */
  programs?: Readonly<Record<string, string>>
  /** Loaded into each process of ours before anything else. */
  preload?: string
  /** What the receiver did not take is sent again. */
  isRedelivering?: boolean
}

const defaultServices = ['deployer', 'receiver', 'api', 'gateway-1', 'gateway-2', 'builder']

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { home, env, services = defaultServices, preload, programs = {}, isRedelivering = false } = options
  await mkdir(home, { recursive: true })
  const [gateway, receiver, api, redisPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  const urls = {
    gateway: `http://127.0.0.1:${gateway}`,
    receiver: `http://127.0.0.1:${receiver}`,
    api: `http://127.0.0.1:${api}`
  }
  const settings: Record<string, string | undefined> = {
    LOG_LEVEL: 'info',
    PUBLIC_URL: urls.api,
    GATEWAY_PUBLIC_URL: urls.gateway,
    GATEWAY_PORT: String(gateway),
    GATEWAY_REUSE_PORT: 'true',
    RECEIVER_PORT: String(receiver),
    RECEIVER_REUSE_PORT: 'true',
    API_PORT: String(api),
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    ...env,
    SLIPWAY_HOME: home
  }
  const given = Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  )
  const deaths: Death[] = []
  const crashes: string[] = []
  const members = new Map<string, Member>()

  function startService(name: string): Promise<Running> {
    const service = serviceOf(name)
    const main = programs[service] ?? fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url))
    const port = { gateway, receiver, api }[service]
    return startProcess({
      program: process.execPath,
      args: [...(preload === undefined ? [] : ['--import', preload]), main],
      env: given,
      logFile: join(home, `${name}.log`),
      // Not asked over HTTP: the other gateway would answer for this one.
      isReady: async (pid) => port === undefined || listens(pid, port),
      readyTimeoutMs: 60_000,
      stopTimeoutMs: 40_000
    })
  }

  async function add(name: string, start: () => Promise<Running>): Promise<void> {
    const member = createMember(name, start, deaths, crashes)
    members.set(name, member)
    await member.start()
  }

  const relay = await createRelay(urls.receiver, isRedelivering)
  const stopAll = async (how: 'kill' | 'stop') => {
    // Redis last, as the others say good-bye to it.
    for (const member of [...members.values()].toReversed()) await member[how]()
    await relay.close()
  }
  try {
    await add('redis', () => startRedis({ directory: join(home, 'redis'), port: redisPort }))
    const store = await createStore({ url: given.DATABASE_URL ?? null, file: join(home, 'store.sqlite') })
    try {
      for (const name of services) {
        await add(name, () => startService(name))
        // It sets the installation up, which the others ask for.
        if (serviceOf(name) === 'deployer') {
          await waitFor(() => store.settings.get('internal-token'), { timeoutMs: 60_000, what: 'the deployer' })
        }
      }
      const installation = (await store.settings.get('installation')) ?? ''
      const token = (await readFile(join(home, 'admin-token'), 'utf8')).trim()
      return {
        endpoints: { installation, ...urls, receiver: relay.url },
        receiverUrl: urls.receiver,
        api: createStatusApi({ url: urls.api, token }),
        pid: members.get('deployer')?.pid ?? 0,
        logFile: join(home, 'deployer.log'),
        members,
        relay,
        deaths,
        crashes,
        redisPort,
        stop: () => stopAll('stop'),
        kill: () => stopAll('kill')
      }
    } finally {
      await store.close()
    }
  } catch (err) {
    await stopAll('kill')
    throw err
  }
}

function createMember(name: string, start: () => Promise<Running>, deaths: Death[], crashes: string[]): Member {
  let running: Running | null = null
  let isMeant = false

  /** Whoever ends what this gives is expected to. */
  function letGo(): Running | null {
    const ending = running
    isMeant = true
    running = null
    return ending
  }

  async function watch(started: Running): Promise<void> {
    const { code, signal } = await started.exited
    if (running === started && !isMeant) crashes.push(`${name} ended by itself (${signal ?? `exit code ${code}`})`)
  }

  return {
    name,
    get pid() {
      return running?.pid ?? 0
    },
    async kill() {
      const ending = letGo()
      if (ending === null) return
      const death = { member: name, at: performance.now(), goneAt: Infinity }
      deaths.push(death)
      process.kill(ending.pid, 'SIGKILL')
      await ending.exited
      death.goneAt = performance.now()
    },
    async stop() {
      await letGo()?.stop()
    },
    async start() {
      isMeant = false
      const started = await start()
      running = started
      void watch(started)
    }
  }
}

/** Does this very process listen on the port? By the kernel's own tables, proc(5). */
async function listens(pid: number, port: number): Promise<boolean> {
  const table = await readFile('/proc/net/tcp', 'utf8')
  const listening = '0A'
  const inodes = table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
    return state === listening && Number.parseInt(local.split(':')[1] ?? '', 16) === port ? [`socket:[${inode}]`] : []
  })
  for (const name of await readdir(`/proc/${pid}/fd`)) {
    // A descriptor may be closed by the time that it is looked at.
    const target = await readlink(`/proc/${pid}/fd/${name}`).catch(() => '')
    if (inodes.includes(target)) return true
  }
  return false
}
