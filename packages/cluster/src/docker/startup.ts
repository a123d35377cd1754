import type { Deployment } from '@slipway/domain'
import { type Engine, statusOf } from './engine.ts'
import { containerLogs } from './logs.ts'
import { type ReadinessLimits, waitUntilReady } from './readiness.ts'
import { endpointOf, type Replica } from './replicas.ts'

const keptLines = 20
const lineLimit = 500
const exitWatchMs = 24 * 3600_000

/**
 * Watches a replica that was just started until it is ready, or certain not to become it.
 *
 * @param isServing it takes calls already
 * @returns null when it is ready; else the reason with its last log lines, in words for the function's owner.
 */
export async function watchStartup(
  engine: Engine,
  replica: Replica,
  deployment: Deployment,
  limits: ReadinessLimits,
  isServing: boolean,
  signal: AbortSignal
): Promise<string | null> {
  const over = new AbortController()
  const both = AbortSignal.any([signal, over.signal])
  const ready = waitUntilReady(endpointOf(replica), deployment.spec.readiness, limits, isServing, both)
  const exited = reasonOfExit(engine, replica, deployment, both)
  let reason: string | null
  try {
    reason = await Promise.race([ready, exited])
  } finally {
    over.abort()
    // The one that lost ends by this abort; there is nothing to learn from it.
    await Promise.allSettled([ready, exited])
  }
  if (reason === null) return null
  const lines = await lastLines(engine, replica, signal)
  return lines === '' ? reason : `${reason}\nits last log lines:\n${lines}`
}

/** Settles only when the replica's process ends: one that ends before it was ready is not worth waiting for. */
async function reasonOfExit(
  engine: Engine,
  replica: Replica,
  deployment: Deployment,
  signal: AbortSignal
): Promise<string> {
  const gone = 'it was removed while it started'
  const ended = async (): Promise<number> =>
    exitCodeOf(
      await engine.call(
        'wait for a container',
        signal,
        (docker, abortSignal) => docker.getContainer(replica.id).wait({ condition: 'not-running', abortSignal }),
        exitWatchMs
      )
    )
  try {
    // Of a container that it has started again meanwhile the engine says 0, whatever the code was: its next end tells.
    const code = (await ended()) || (await ended())
    const { State } = await engine.call('inspect a container', signal, (docker) =>
      docker.getContainer(replica.id).inspect()
    )
    return describeExit(code, State.OOMKilled, deployment)
  } catch (err) {
    if (statusOf(err) === 404) return gone
    throw err
  }
}

function exitCodeOf(result: unknown): number {
  return typeof result === 'object' && result !== null && 'StatusCode' in result ? Number(result.StatusCode) : -1
}

function describeExit(code: number, isOutOfMemory: boolean, { spec }: Deployment): string {
  const limit = `${Math.round(spec.limits.memoryBytes / 1024 / 1024)} MiB`
  if (isOutOfMemory) return `it was killed for using more than its memory limit of ${limit}: raise limits.memory`
  if (code === 137) return `it was killed (exit code 137), most likely for using more than its memory limit of ${limit}`
  return `it exited with code ${code} before it was ready`
}

async function lastLines(engine: Engine, { id, name }: Replica, signal: AbortSignal): Promise<string> {
  const lines: string[] = []
  const options = { follow: false, since: null, tail: keptLines }
  for await (const { text } of containerLogs(engine, { id, instance: name }, options, signal)) {
    lines.push(text.length > lineLimit ? `${text.slice(0, lineLimit)}…` : text)
  }
  return lines.slice(-keptLines).join('\n')
}
