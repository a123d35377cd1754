import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ask, type RunningProcess, startProcess } from '@slipway/machine'
import type { Logger } from '@slipway/service'
import { smallEnv, smallFlags } from './small-process.ts'

/**
 * Keeps a gateway running as a process of its own, so that traffic to functions does not wait for a build's bookkeeping.
 * It is started again when it dies, and ends with this process.
 */
export async function keepGateway(
  home: string,
  env: Record<string, string>,
  url: string,
  logger: Logger
): Promise<{ stop(): Promise<void> }> {
  const start = () =>
    startProcess({
      program: process.execPath,
      args: [...smallFlags, fileURLToPath(import.meta.resolve('@slipway/gateway/main'))],
      env: { ...env, ...smallEnv(home, env) },
      logFile: join(home, 'gateway.log'),
      isReady: async () => (await ask(`${url}/healthz`))?.status === 200,
      logger
    })
  return keepRunning(start, 'the gateway', logger)
}

/**
 * Keeps what `start` starts: starts it again when it ends, after pauses that grow while it does not come to stand.
 *
 * @throws what the first start throws
 */
export async function keepRunning(
  start: () => Promise<Pick<RunningProcess, 'exited' | 'stop'>>,
  name: string,
  logger: Logger
): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController()
  let running = await start()

  async function startAgain(): Promise<void> {
    for (let failed = 0; !stopping.signal.aborted; failed += 1) {
      await sleep(Math.min(200 * 2 ** failed, 10_000), undefined, { signal: stopping.signal }).catch(() => null)
      if (stopping.signal.aborted) return
      try {
        running = await start()
        // Asked to stop while it started: `stop` knew the former one only.
        if (stopping.signal.aborted) await running.stop()
        return
      } catch (err) {
        logger.error({ err }, `${name} does not start`)
      }
    }
  }

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      const end = await running.exited
      if (stopping.signal.aborted) return
      logger.error({ end }, `${name} ended, it is started again`)
      await startAgain()
    }
  }
  const watching = watch()
  return {
    async stop() {
      stopping.abort()
      await running.stop()
      await watching
    }
  }
}
