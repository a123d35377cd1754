import { inspect } from 'node:util'
import { Failure } from '@slipway/domain'
import type Docker from 'dockerode'
import { loadDockerode } from './dockerode.ts'

const { Agent } = process.getBuiltinModule('node:http')

/** The Docker engine behind one door: every call has a limit, every error that leaves is a Failure. */
export interface Engine {
  readonly docker: Docker
  /**
   * @param what is done, for the message: `list containers`.
   * @throws Failure `unavailable`, with dockerode's error as the cause; the signal's reason when the caller gave up.
   */
  call<T>(
    what: string,
    signal: AbortSignal,
    run: (docker: Docker, signal: AbortSignal) => Promise<T>,
    timeoutMs?: number
  ): Promise<T>
  close(): void
}

/** For calls that only read. */
export const shortCallMs = 5000
/** For calls that make the engine work: a loaded machine may take its time to start a container. */
export const longCallMs = 60_000

export function createEngine(given: Docker | Docker.DockerOptions): Engine {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 16 })
  const docker = isDocker(given) ? given : connect(given, agent)
  return {
    docker,
    async call(what, signal, run, timeoutMs = shortCallMs) {
      signal.throwIfAborted()
      const limit = AbortSignal.timeout(timeoutMs)
      const both = AbortSignal.any([signal, limit])
      try {
        return await orAbort(run(docker, both), both)
      } catch (err) {
        if (signal.aborted) throw signal.reason
        if (limit.aborted) throw unavailable(what, `it did not answer within ${timeoutMs / 1000} s`, err)
        throw err instanceof Failure ? err : unavailable(what, sentenceOf(err), err)
      }
    },
    close: () => agent.destroy()
  }
}

function isDocker(given: Docker | Docker.DockerOptions): given is Docker {
  return 'modem' in given
}

/** An agent of its own keeps connections open between calls, and lets `close` end them. */
function connect(options: Docker.DockerOptions, agent: InstanceType<typeof Agent>): Docker {
  // docker-modem describes every request for its debug log, whether that is on or not: an agent with all its sockets would be most of it.
  const described = Object.assign(agent, { [inspect.custom]: () => 'the agent' })
  const withAgent = { ...options, agent: described } // docker-modem takes it, its types do not name it
  const Dockerode = loadDockerode()
  return new Dockerode(withAgent)
}

/** The engine's HTTP status behind a failure of `call`; null when the engine did not answer at all. */
export function statusOf(err: unknown): number | null {
  const cause = err instanceof Failure ? err.cause : err
  return cause instanceof Error && 'statusCode' in cause && typeof cause.statusCode === 'number'
    ? cause.statusCode
    : null
}

/** What the engine itself said, without the client's decoration. */
export function engineMessage(err: unknown): string {
  const cause = err instanceof Failure ? err.cause : err
  if (!(cause instanceof Error)) return String(cause)
  if ('json' in cause && typeof cause.json === 'object' && cause.json !== null && 'message' in cause.json) {
    return String(cause.json.message).trim()
  }
  return cause.message.trim()
}

/** For work that takes no signal, or that others wait for as well: whoever gives up leaves it behind. */
export function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function unavailable(what: string, reason: string, cause: unknown): Failure {
  return new Failure('unavailable', `could not ${what}: the Docker engine failed: ${reason}`, { cause })
}

function sentenceOf(err: unknown): string {
  const code = err instanceof Error && 'code' in err ? err.code : undefined
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return 'it does not answer; is it running?'
    case 'EACCES':
      return 'this process may not use it; add its user to the group "docker"'
    default:
      return engineMessage(err)
  }
}
