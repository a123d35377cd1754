import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type RunningProcess, startProcess } from '@slipway/machine'
import type { Logger } from '@slipway/service'

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
      // A small young generation keeps the idle process small; what it handles is streamed, and lives shortly.
      args: ['--max-semi-space-size=2', fileURLToPath(new URL('./main.ts', import.meta.resolve('@slipway/gateway')))],
      env: { ...env, NODE_COMPILE_CACHE: join(home, 'compile-cache') },
      logFile: join(home, 'gateway.log'),
      isReady: () =>
        fetch(`${url}/healthz`).then(
          ({ ok }) => ok,
          () => false
        ),
      logger
    })
  let isStopping = false
  let running: RunningProcess | null = await start()

  async function watch(): Promise<void> {
    for (let failed = 0; !isStopping; ) {
      const end = await running?.exited
      if (isStopping) return
      logger.error({ end }, 'the gateway ended, it is started again')
      await sleep(Math.min(200 * 2 ** failed, 10_000))
      if (isStopping) return
      try {
        running = await start()
        failed = 0
      } catch (err) {
        running = null
        failed += 1
        logger.error({ err }, 'the gateway does not start')
      }
    }
  }
  const watching = watch()
  return {
    async stop() {
      isStopping = true
      await running?.stop()
      await watching
    }
  }
}
