import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, open, readFile, stat, truncate } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { findProgram } from './program.ts'

/** The part of a pino logger that is used here. */
export interface MachineLogger {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface ProcessOptions {
  /** Full path, see `findProgram`. */
  program: string
  args: string[]
  cwd?: string
  /** The whole environment of the process; nothing of ours is handed on. */
  env?: Record<string, string>
  uid?: number
  gid?: number
  /** Takes what the process prints; appended to, begun anew when it has grown over 10 MiB. */
  logFile: string
  /** Asked until it says true. Must be sure that it is this process that answers. */
  isReady(pid: number): Promise<boolean>
  readyTimeoutMs?: number
  stopSignal?: NodeJS.Signals
  /** How long the process may take to end after `stopSignal`, before it is killed. */
  stopTimeoutMs?: number
  logger?: MachineLogger
}

export interface ProcessEnd {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface RunningProcess {
  pid: number
  logFile: string
  /** Settles when the process has ended, for whatever reason. Never rejects. */
  exited: Promise<ProcessEnd>
  /** Ends the process and waits for it. May be called more than once. */
  stop(): Promise<void>
}

const logLimitBytes = 10 * 1024 * 1024

/**
 * Starts a server and waits until it is ready. It dies with this process, however that ends, and it is in a process group
 * of its own: Ctrl-C in a terminal reaches us alone, and we stop things in order.
 *
 * @throws Failure `unavailable` with the end of its log, when it ends or is not ready in time
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { program, logFile, readyTimeoutMs = 15_000, stopTimeoutMs = 10_000, logger } = options
  const name = basename(program)
  await mkdir(dirname(logFile), { recursive: true })
  const { child, pid, exited } = await spawnBound(options)
  let isStopping = false
  child.once('exit', (code, signal) => {
    if (!isStopping) logger?.error({ program: name, pid, code, signal, logFile }, 'ended unexpectedly')
  })

  const stop = async (): Promise<void> => {
    isStopping = true
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(options.stopSignal ?? 'SIGTERM')
    const timer = setTimeout(() => killGroup(pid), stopTimeoutMs)
    await exited
    clearTimeout(timer)
  }

  try {
    await waitUntilReady(child, pid, options, readyTimeoutMs)
  } catch (err) {
    await stop()
    throw err
  }
  logger?.info({ program: name, pid }, 'started')
  return { pid, logFile, exited, stop }
}

/**
 * Runs a program to its end. It dies with this process as well.
 *
 * @throws Failure `unavailable` with the end of its log, when it fails
 */
export async function runProcess(
  options: Pick<ProcessOptions, 'program' | 'args' | 'cwd' | 'env' | 'logFile'>,
  signal: AbortSignal
): Promise<void> {
  signal.throwIfAborted()
  const { pid, exited } = await spawnBound(options)
  const stop = () => killGroup(pid)
  signal.addEventListener('abort', stop, { once: true })
  // While it was started.
  if (signal.aborted) stop()
  const { code } = await exited
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  if (code === 0) return
  throw new Failure(
    'unavailable',
    `${basename(options.program)} failed (exit code ${code})${await logEnd(options.logFile)}`
  )
}

/** `setpriv` has the kernel kill the child when we die; where it is missing a shell watches both. */
async function spawnBound(
  options: Pick<ProcessOptions, 'program' | 'args' | 'cwd' | 'env' | 'uid' | 'gid' | 'logFile'>
): Promise<{ child: ChildProcess; pid: number; exited: Promise<ProcessEnd> }> {
  const { program, args, cwd, env = {}, uid, gid, logFile } = options
  const setpriv = await findProgram('setpriv')
  await limitLog(logFile)
  const log = await open(logFile, 'a')
  try {
    const [command, commandArgs] =
      setpriv === null ? [program, args] : [setpriv, ['--pdeathsig', 'KILL', '--', program, ...args]]
    const child = spawn(command, commandArgs, {
      cwd,
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...env },
      uid,
      gid,
      detached: true,
      stdio: ['ignore', log.fd, log.fd]
    })
    const exited = new Promise<ProcessEnd>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    const pid = await spawned(child, basename(program))
    if (setpriv === null) watch(pid)
    return { child, pid, exited }
  } finally {
    await log.close()
  }
}

function watch(pid: number): void {
  const script =
    'while kill -0 "$1" 2>/dev/null; do kill -0 "$2" 2>/dev/null || exit 0; sleep 1; done; kill -KILL "$2" 2>/dev/null'
  const args = ['-c', script, 'watch', String(process.pid), String(pid)]
  spawn('/bin/sh', args, { detached: true, stdio: 'ignore' }).unref()
}

function spawned(child: ChildProcess, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (err) => {
      reject(new Failure('unavailable', `${name} could not be started: ${err.message}`, { cause: err }))
    })
    child.once('spawn', () => resolve(child.pid as number))
  })
}

async function waitUntilReady(
  child: ChildProcess,
  pid: number,
  options: ProcessOptions,
  timeoutMs: number
): Promise<void> {
  const { program, logFile } = options
  const deadline = performance.now() + timeoutMs
  while (child.exitCode === null && child.signalCode === null) {
    if (await options.isReady(pid)) return
    if (performance.now() > deadline) {
      const waited = `${basename(program)} was not ready after ${timeoutMs / 1000} s`
      throw new Failure('unavailable', `${waited}${await logEnd(logFile)}`)
    }
    await sleep(25)
  }
  const how = child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`
  throw new Failure('unavailable', `${basename(program)} ended at start (${how})${await logEnd(logFile)}`)
}

/** The last lines that a process wrote, to complete a message. */
export async function logEnd(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n').slice(-5)
  return lines.join('').trim() === '' ? '' : `. The end of ${file}:\n${lines.join('\n')}`
}

async function limitLog(file: string): Promise<void> {
  try {
    if ((await stat(file)).size > logLimitBytes) await truncate(file)
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'ENOENT')) throw err
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'ESRCH')) throw err
  }
}
