import { appendFile, mkdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { callEngine, type DockerConnection } from './engine-api.ts'
import type { ProcessEnd, ProcessOptions, RunningProcess } from './process.ts'

export interface ContainerOptions extends Omit<ProcessOptions, 'uid' | 'gid'> {
  connection: DockerConnection
  image: string
  /** Holds all that the program reads and writes; it has the same path in the container. */
  directory: string
}

/** Names the directory that a server works on, so that one which outlived its process is found again. */
const label = 'com.slipway.server'

/**
 * Runs a server in a container as `startProcess` runs it on the machine: in the machine's own network and process numbers, as our own user,
 * with one directory. The engine does not end it when we are killed: the next start does.
 *
 * @throws Failure `unavailable` when it ends, or is not ready in time
 */
export async function startContainer(options: ContainerOptions): Promise<RunningProcess> {
  const { connection, directory, logFile, readyTimeoutMs = 30_000, stopTimeoutMs = 10_000, logger } = options
  const name = basename(options.program)
  await mkdir(dirname(logFile), { recursive: true })
  await removeFormer(connection, directory)
  const id = await create(options, name)
  const stop = async (): Promise<void> => {
    await callEngine(connection, 'POST', `/containers/${id}/stop?t=${Math.ceil(stopTimeoutMs / 1000)}`)
    await exited
    await callEngine(connection, 'DELETE', `/containers/${id}?force=true`)
  }
  const started = await callEngine(connection, 'POST', `/containers/${id}/start`)
  // The answer comes when the container has ended, so nobody waits for it here.
  const exited = waitForEnd(connection, id)
  try {
    if (started.status >= 300)
      throw new Failure('unavailable', `${name} could not be started: ${messageOf(started.body)}`)
    const pid = await waitUntilReady(options, id, readyTimeoutMs, name)
    logger?.info({ program: name, pid, image: options.image }, 'started')
    return { pid, logFile, exited, stop }
  } catch (err) {
    await stop()
    throw err
  }
}

type ProgramInContainer = Pick<
  ContainerOptions,
  'connection' | 'image' | 'program' | 'args' | 'env' | 'directory' | 'logFile'
>

/** Runs a program to its end in the same surroundings. @throws Failure `unavailable` with what it printed last */
export async function runContainer(options: ProgramInContainer, signal: AbortSignal): Promise<void> {
  const { connection, program } = options
  const name = basename(program)
  signal.throwIfAborted()
  const id = await create(options, name)
  const stop = () => void callEngine(connection, 'DELETE', `/containers/${id}?force=true`).catch(() => null)
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    const { status, body } = await callEngine(connection, 'POST', `/containers/${id}/start`)
    if (status >= 300) throw new Failure('unavailable', `${name} could not be started: ${messageOf(body)}`)
    const { code } = await waitForEnd(connection, id)
    signal.throwIfAborted()
    const printed = await keepLog(options, id)
    if (code !== 0) throw new Failure('unavailable', `${name} failed (exit code ${code})${printed}`)
  } finally {
    signal.removeEventListener('abort', stop)
    await callEngine(connection, 'DELETE', `/containers/${id}?force=true`)
  }
}

async function create(options: ProgramInContainer, name: string): Promise<string> {
  const { connection, image, program, args, env = {}, directory } = options
  const { status, body } = await callEngine(connection, 'POST', '/containers/create', {
    body: {
      Image: image,
      Entrypoint: [program],
      Cmd: args,
      Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
      User: `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`,
      WorkingDir: directory,
      Labels: { [label]: directory },
      HostConfig: { NetworkMode: 'host', PidMode: 'host', Binds: [`${directory}:${directory}`] }
    }
  })
  if (status === 201 && typeof body.Id === 'string') return body.Id
  throw new Failure('unavailable', `${name} could not be started from the image ${image}: ${messageOf(body)}`)
}

async function waitUntilReady(options: ContainerOptions, id: string, timeoutMs: number, name: string): Promise<number> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const { body } = await callEngine(options.connection, 'GET', `/containers/${id}/json`)
    const { Running: isRunning, Pid: pid, ExitCode: code } = fieldsOf(body.State)
    if (isRunning !== true) {
      throw new Failure(
        'unavailable',
        `${name} ended at start (exit code ${String(code)})${await keepLog(options, id)}`
      )
    }
    if (typeof pid === 'number' && (await options.isReady(pid))) return pid
    if (performance.now() > deadline) {
      const waited = `${name} was not ready after ${timeoutMs / 1000} s`
      throw new Failure('unavailable', `${waited}${await keepLog(options, id)}`)
    }
    await sleep(50)
  }
}

/** What the container printed goes with it: its end is kept for the message. */
async function keepLog({ connection, logFile }: ProgramInContainer, id: string): Promise<string> {
  const { text } = await callEngine(connection, 'GET', `/containers/${id}/logs?stdout=1&stderr=1&tail=5`)
  // Frames of Docker's stream: eight bytes, of which the last four are the length, before each piece of text.
  // oxlint-disable-next-line no-control-regex
  const lines = text.replaceAll(/[\u0001\u0002]\u0000{3}[^]{4}/g, '').trim()
  await appendFile(logFile, `${lines}\n`)
  return lines === '' ? '' : `:\n${lines}`
}

async function waitForEnd(connection: DockerConnection, id: string): Promise<ProcessEnd> {
  try {
    const { body } = await callEngine(connection, 'POST', `/containers/${id}/wait`)
    return { code: typeof body.StatusCode === 'number' ? body.StatusCode : null, signal: null }
  } catch {
    return { code: null, signal: null } // the engine went away, and the container with it
  }
}

async function removeFormer(connection: DockerConnection, directory: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${label}=${directory}`] }))
  const { list } = await callEngine(connection, 'GET', `/containers/json?all=true&filters=${filters}`)
  for (const former of list) {
    const { Id: id } = fieldsOf(former)
    if (typeof id === 'string') await callEngine(connection, 'DELETE', `/containers/${id}?force=true`)
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function messageOf(body: Record<string, unknown>): string {
  return typeof body.message === 'string' ? body.message : 'the Docker engine did not say why'
}
