import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createStatusApi } from '@slipway/client'
import type { Installation, InstallationOptions } from '@slipway/demo'
import { freePort, waitFor } from '@slipway/machine'
import { createStore } from '@slipway/store'

/** Every service as a process of its own, as on several machines, but on one. */
export interface SplitInstallation extends Installation {
  /** Where the deployer tells how it is. */
  health: string
  /** Starts one more of a service. */
  add(service: string): Promise<ChildProcess>
}

export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/** The deployer first, for it sets the installation up; the others as they come. No builder: see `add`. */
export async function startSplit({ home, env }: InstallationOptions): Promise<SplitInstallation> {
  await mkdir(home, { recursive: true })
  const logFile = join(home, 'services.log')
  const [gateway, receiver, api, health] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  const urls = {
    gateway: `http://127.0.0.1:${gateway}`,
    receiver: `http://127.0.0.1:${receiver}`,
    api: `http://127.0.0.1:${api}`
  }
  const ports = { GATEWAY_PORT: String(gateway), RECEIVER_PORT: String(receiver), API_PORT: String(api) }
  const children: ChildProcess[] = []

  async function add(service: string, own: Record<string, string> = {}): Promise<ChildProcess> {
    const main = fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url))
    const log = await open(logFile, 'a')
    const child = spawn(process.execPath, [main], {
      env: {
        LOG_LEVEL: 'info',
        PUBLIC_URL: urls.api,
        GATEWAY_PUBLIC_URL: urls.gateway,
        ...ports,
        ...env,
        ...own,
        SLIPWAY_HOME: home
      },
      stdio: ['ignore', log.fd, log.fd]
    })
    await log.close()
    children.push(child)
    return child
  }

  const stopAll = async (signal: NodeJS.Signals) => {
    await Promise.all(children.map((child) => end(child, signal)))
  }
  const store = await createStore({ url: null, file: join(home, 'store.sqlite') })
  try {
    await add('deployer', { HEALTH_PORT: String(health) })
    const installation = await waitFor(() => store.settings.get('installation'), {
      timeoutMs: 60_000,
      what: 'the deployer'
    })
    await Promise.all(['receiver', 'api', 'gateway'].map((service) => add(service)))
    const isUp = (url: string) =>
      fetch(`${url}/healthz`).then(
        ({ ok }) => ok,
        () => false
      )
    await waitFor(async () => (await Promise.all(Object.values(urls).map(isUp))).every(Boolean), {
      timeoutMs: 60_000,
      what: 'the services'
    })
    const token = (await readFile(join(home, 'admin-token'), 'utf8')).trim()
    return {
      endpoints: { installation, ...urls },
      api: createStatusApi({ url: urls.api, token }),
      pid: children[0]?.pid ?? 0,
      logFile,
      health: `http://127.0.0.1:${health}`,
      add: (service) => add(service),
      stop: () => stopAll('SIGTERM'),
      kill: () => stopAll('SIGKILL')
    }
  } catch (err) {
    // Nobody else knows of them.
    await stopAll('SIGKILL')
    throw err
  } finally {
    await store.close()
  }
}
