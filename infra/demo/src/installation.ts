import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createStatusApi, type StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'

export interface InstallationOptions {
  /** Its state directory. */
  home: string
  /** Its whole environment: settings, and what programs need (PATH, proxies, certificates). */
  env: Record<string, string | undefined>
  startTimeoutMs?: number
}

/** A running `slipway up` of one's own. */
export interface Installation {
  endpoints: { installation: string; api: string; gateway: string; receiver: string }
  api: StatusApi
  pid: number
  logFile: string
  /** Ends it in order. */
  stop(): Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
}

const cli = fileURLToPath(new URL('../../../services/cli/src/main.ts', import.meta.url))

/**
 * Starts `slipway up` as a user would and waits until it answers.
 *
 * @throws Failure `unavailable` with the end of its log.
 */
export async function startInstallation({
  home,
  env,
  startTimeoutMs = 60_000
}: InstallationOptions): Promise<Installation> {
  await mkdir(home, { recursive: true })
  const logFile = join(home, 'slipway.log')
  const endpointsFile = join(home, 'endpoints.json')
  await rm(endpointsFile, { force: true })
  const log = await open(logFile, 'a')
  const child = spawn(process.execPath, [cli, 'up'], {
    env: { LOG_LEVEL: 'info', ...env, SLIPWAY_HOME: home },
    stdio: ['ignore', log.fd, log.fd],
    // Ctrl-C in a terminal reaches whoever started it, who stops things in order.
    detached: true
  })
  await log.close()
  const ended = once(child, 'exit')
  const endpoints = await waitForEndpoints(child, endpointsFile, logFile, startTimeoutMs)
  const token = (await readFile(join(home, 'admin-token'), 'utf8')).trim()
  return {
    endpoints,
    api: createStatusApi({ url: endpoints.api, token }),
    pid: child.pid ?? 0,
    logFile,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    }
  }
}

async function waitForEndpoints(
  child: ChildProcess,
  file: string,
  logFile: string,
  timeoutMs: number
): Promise<Installation['endpoints']> {
  for (const until = Date.now() + timeoutMs; Date.now() < until; ) {
    const text = await readFile(file, 'utf8').catch(() => null)
    if (text !== null) return JSON.parse(text) as Installation['endpoints']
    if (child.exitCode !== null || child.signalCode !== null) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  child.kill('SIGKILL')
  const end = (await readFile(logFile, 'utf8')).split('\n').slice(-15).join('\n')
  throw new Failure('unavailable', `"slipway up" did not start; the end of ${logFile}:\n${end}`)
}
