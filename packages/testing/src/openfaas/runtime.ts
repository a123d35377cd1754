import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { freePort } from '@slipway/machine'

/** What a replica printed, either stream. */
export interface PrintedLine {
  at: number
  text: string
}

/** One replica of a function, started again whenever it ends. */
export interface RunningReplica {
  /** Of the replica, as logs name it. */
  instance: string
  address: { host: string; port: number }
  lines(): Promise<PrintedLine[]>
  stop(): Promise<void>
}

/** What functions really run on behind the gateway. */
export interface FunctionRuntime {
  /** Why the image cannot be had; null: it is there. */
  refusalOf(image: string): Promise<string | null>
  start(wanted: {
    instance: string
    image: string
    environment: Record<string, string>
    secrets: Record<string, Uint8Array>
  }): Promise<RunningReplica>
}

const program = fileURLToPath(new URL('../function-program.mjs', import.meta.url))

/** Functions as processes of this machine: whatever the image, each is the program of `functionImage`. */
export function createProcessRuntime(isThere: (image: string) => boolean): FunctionRuntime {
  return {
    async refusalOf(image) {
      await Promise.resolve()
      return isThere(image) ? null : `unable to pull image ${image}: not found`
    },
    async start({ instance, environment }) {
      const port = await freePort()
      const printed: PrintedLine[] = []
      let isStopped = false
      let child: ChildProcess | null = null

      function run(): void {
        child = spawn(process.execPath, [program], {
          env: { ...environment, LISTEN_PORT: String(port) },
          stdio: ['ignore', 'pipe', 'pipe']
        })
        for (const stream of [child.stdout, child.stderr]) {
          let rest = ''
          stream?.setEncoding('utf8').on('data', (part: string) => {
            const lines = `${rest}${part}`.split('\n')
            rest = lines.pop() ?? ''
            for (const text of lines) printed.push({ at: Date.now(), text })
          })
        }
        child.once('exit', () => {
          if (!isStopped) setTimeout(() => !isStopped && run(), 500).unref()
        })
      }

      run()
      return {
        instance,
        address: { host: '127.0.0.1', port },
        lines: () => Promise.resolve([...printed]),
        async stop() {
          isStopped = true
          if (child === null || child.exitCode !== null || child.signalCode !== null) return
          const ended = once(child, 'exit')
          child.kill('SIGTERM')
          // One that has not begun to listen for it yet ends at once.
          const timer = setTimeout(() => child?.kill('SIGKILL'), 5000)
          await ended
          clearTimeout(timer)
        }
      }
    }
  }
}

/** Does somebody listen there? That is what OpenFaaS on Kubernetes calls available, whatever the function's own path says. */
export function isListening({ host, port }: RunningReplica['address']): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}
