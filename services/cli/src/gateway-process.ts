import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gatewaySettings } from '@slipway/gateway/config'
import { ask, keepRunning, startProcess } from '@slipway/machine'
import type { Logger } from '@slipway/service'
import { smallEnv, smallGatewayFlags } from './small-process.ts'

/**
 * Keeps a gateway running as a process of its own, so that traffic to functions does not wait for a build's bookkeeping.
 * It is started again when it dies, and ends with this process.
 *
 * @throws what its first start throws
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
      args: [...smallGatewayFlags, fileURLToPath(import.meta.resolve('@slipway/gateway/main'))],
      env: { ...env, ...smallEnv(home, env) },
      logFile: join(home, 'gateway.log'),
      isReady: async () => (await ask(`${url}/healthz`))?.status === 200,
      logger
    })
  return keepRunning({ name: 'the gateway', start, logger })
}

/** What of the environment is the process' own. */
const ofTheProcess = ['PATH', 'HOME', 'NODE_OPTIONS', 'NODE_COMPILE_CACHE']
/** How long its calls may go on is bounded by how long this process waits for its end. */
const notTheGateways = new Set(['STOP_GRACE_MS'])

/** The gateway gets its own settings and nothing else: no forge credential, no secret of webhooks. */
export function gatewayEnv(settings: Record<string, string | undefined>): Record<string, string> {
  const own = Object.keys(gatewaySettings).filter((name) => !notTheGateways.has(name))
  // A setting, or the file that it is in.
  const names = own.map((name) => (settings[name] ? name : `${name}_FILE`))
  const given = [...ofTheProcess, ...names].flatMap((name) => {
    const value = settings[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  // What of the settings file concerns it is among these already.
  return { ...Object.fromEntries(given), SLIPWAY_CONFIG: '/dev/null' }
}
