import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createStatusApi, type StatusApi } from '@slipway/client'
import { startProcess } from '@slipway/machine'

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
 * Starts `slipway up` as a user would and waits until it answers. It ends with this process.
 *
 * @throws Failure `unavailable` with the end of its log.
 */
export async function startInstallation({
  home,
  env,
  startTimeoutMs = 60_000
}: InstallationOptions): Promise<Installation> {
  await mkdir(home, { recursive: true })
  const endpointsFile = join(home, 'endpoints.json')
  await rm(endpointsFile, { force: true })
  const readEndpoints = () => readFile(endpointsFile, 'utf8').catch(() => null)
  const given = Object.entries({ LOG_LEVEL: 'info', ...env, SLIPWAY_HOME: home })
  const { pid, logFile, exited, stop } = await startProcess({
    program: process.execPath,
    args: [cli, 'up'],
    env: Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    logFile: join(home, 'slipway.log'),
    isReady: async () => (await readEndpoints()) !== null,
    readyTimeoutMs: startTimeoutMs,
    stopTimeoutMs: 40_000
  })
  const endpoints = JSON.parse((await readEndpoints()) ?? '{}') as Installation['endpoints']
  const token = (await readFile(join(home, 'admin-token'), 'utf8')).trim()
  return {
    endpoints,
    api: createStatusApi({ url: endpoints.api, token }),
    pid,
    logFile,
    stop,
    async kill() {
      process.kill(pid, 'SIGKILL')
      await exited
    }
  }
}
