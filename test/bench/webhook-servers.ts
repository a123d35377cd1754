import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, type RunningProcess, requireProgram, startProcess, startRedis } from '@slipway/machine'
import { createClosers, createLogger } from '@slipway/service'
import { processorTicks } from './processes.ts'

/** One that takes webhooks. */
export interface WebhookServer {
  name: string
  url: string
  /** Until it does nothing more for what it was sent. */
  settle(): Promise<void>
  stop(): Promise<void>
}

const receiver = fileURLToPath(new URL('../../services/receiver/src/main.ts', import.meta.url))

/** Ours: the receiver as a process of its own, with its settings as they are, its log included, a store in a file and a Redis. */
export async function startOurs(directory: string, secret: string): Promise<WebhookServer & { store: string }> {
  const closers = createClosers(createLogger('bench', 'error'))
  const redis = await startRedis({ directory: join(directory, 'redis') })
  closers.add('redis', () => redis.stop())
  try {
    const port = await freePort()
    const running = await startProcess({
      program: process.execPath,
      args: [receiver],
      env: {
        SLIPWAY_HOME: directory,
        REDIS_URL: redis.url,
        RECEIVER_PORT: String(port),
        GITHUB_WEBHOOK_SECRET: secret
      },
      logFile: join(directory, 'receiver.log'),
      isReady: () => isListening(port)
    })
    closers.add('receiver', () => running.stop())
    return {
      name: 'slipway',
      url: `http://127.0.0.1:${port}/webhooks/github`,
      store: join(directory, 'store.sqlite'),
      settle: () => settle(running),
      stop: () => closers.close()
    }
  } catch (err) {
    await closers.close()
    throw err
  }
}

/** Debian's `webhook` (adnanh/webhook): the same signature is asked for, and a command that does nothing is run. */
export async function startDebians(directory: string, secret: string): Promise<WebhookServer> {
  const hooks = join(directory, 'hooks.json')
  const source = { source: 'header', name: 'X-Hub-Signature-256' }
  const hook = {
    id: 'push',
    'execute-command': '/bin/true',
    'http-methods': ['POST'],
    'trigger-rule': { match: { type: 'payload-hmac-sha256', secret, parameter: source } }
  }
  await writeFile(hooks, JSON.stringify([hook]))
  const port = await freePort()
  const running = await startProcess({
    program: await requireProgram('webhook'),
    args: ['-hooks', hooks, '-ip', '127.0.0.1', '-port', String(port)],
    logFile: join(directory, 'webhook.log'),
    isReady: () => isListening(port)
  })
  return {
    name: 'webhook',
    url: `http://127.0.0.1:${port}/hooks/push`,
    settle: () => settle(running),
    stop: () => running.stop()
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (isOpen: boolean) => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}

/** Its commands, and their commands' time, have ended when the process uses no more of the processor. */
async function settle({ pid }: RunningProcess): Promise<void> {
  for (let before = -1; ; ) {
    const used = await processorTicks(pid)
    if (used - before <= 1 && before >= 0) return
    before = used
    await sleep(200)
  }
}
