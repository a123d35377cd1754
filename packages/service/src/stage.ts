import { type Builds, Failure } from '@slipway/domain'
import { attemptLimit, backoffMs } from './backoff.ts'
import type { Logger } from './logger.ts'

/** Why a stage was stopped from outside. */
type StopReason = 'shutdown' | 'lease-lost' | 'cancelled'

export interface StageDeps {
  builds: Pick<Builds, 'renew' | 'giveBack' | 'retryLater' | 'finish'>
  leaseMs: number
  now: () => number
  logger: Logger
  /** Listens for requests to cancel a build; returns how to stop. */
  onCancel(listener: (buildId: string) => void): () => void
  /** A build changed: whoever reports or watches it should look. */
  changed(buildId: string): void
}

/**
 * Does one stage of a claimed build: keeps its lease, passes cancellation and shutdown on as one signal, and when the work throws
 * decides what becomes of the build. A shutdown gives it back, a lost lease leaves it to whoever has it,
 * a failure of ours is tried again later, one of theirs ends it.
 *
 * @param holder who holds the lease: a name of this one run, so that another run of the same process never passes for it.
 * @param shutdown aborts when this process stops.
 */
export function createStage({ builds, leaseMs, now, logger, onCancel, changed }: StageDeps) {
  async function settle(
    build: { id: string; attempt: number },
    holder: string,
    err: unknown,
    stopped: StopReason | null
  ): Promise<void> {
    const { id: buildId } = build
    if (stopped === 'lease-lost' || (err instanceof Failure && err.code === 'lease-lost')) {
      logger.warn({ buildId }, 'the lease was lost, another worker has the build')
      return
    }
    // What is known of the build by now is not forgotten because the process stops.
    const isKnown = err instanceof Failure && !err.retry
    if (stopped === 'shutdown' && !isKnown) return builds.giveBack(buildId, holder, now())
    if (stopped === 'cancelled' || (err instanceof Failure && err.code === 'cancelled')) {
      return builds.finish(buildId, holder, { status: 'cancelled', reason: 'cancelled on request' }, now())
    }
    if (!(err instanceof Failure)) logger.error({ err, buildId }, 'a bug: the stage is tried again')
    const message = err instanceof Failure ? err.message : 'an internal error: see the log of the service'
    if (err instanceof Failure && err.code === 'superseded') {
      return builds.finish(buildId, holder, { status: 'superseded', reason: message }, now())
    }
    if (err instanceof Failure && !err.retry) {
      const status = err.fault === 'theirs' ? 'failed' : 'error'
      const location = err.location === undefined ? {} : { location: err.location }
      return builds.finish(buildId, holder, { status, reason: message, code: err.code, ...location }, now())
    }
    if (build.attempt + 1 >= attemptLimit) {
      return builds.finish(
        buildId,
        holder,
        {
          status: 'error',
          reason: `given up after ${attemptLimit} tries: ${message}`,
          ...(err instanceof Failure ? { code: err.code } : {})
        },
        now()
      )
    }
    const waitMs = Math.max(backoffMs(build.attempt + 1), err instanceof Failure ? (err.retryAfterMs ?? 0) : 0)
    logger.warn({ buildId, attempt: build.attempt + 1, waitMs, err }, 'tried again later')
    return builds.retryLater(buildId, holder, message, now() + waitMs)
  }

  return async function runStage(
    build: { id: string; attempt: number },
    holder: string,
    shutdown: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>
  ): Promise<void> {
    const stop = new AbortController()
    let stopped: StopReason | null = null
    let leaseUntil = now() + leaseMs
    const end = (reason: StopReason) => {
      stopped ??= reason
      stop.abort(new Error(reason))
    }
    const renew = async () => {
      try {
        const { isHeld, isCancelled } = await builds.renew(build.id, holder, leaseMs, now())
        if (!isHeld) end('lease-lost')
        else if (isCancelled) end('cancelled')
        else leaseUntil = now() + leaseMs
      } catch (err) {
        logger.warn({ err, buildId: build.id }, 'the lease could not be renewed')
        if (now() > leaseUntil) end('lease-lost')
      }
    }
    const timer = setInterval(() => void renew(), leaseMs / 3)
    const unlisten = onCancel((buildId) => {
      if (buildId === build.id) void renew()
    })
    const onShutdown = () => end('shutdown')
    shutdown.addEventListener('abort', onShutdown, { once: true })
    if (shutdown.aborted) onShutdown()
    try {
      await work(stop.signal)
    } catch (err) {
      await settle(build, holder, err, stopped)
    } finally {
      clearInterval(timer)
      unlisten()
      shutdown.removeEventListener('abort', onShutdown)
      changed(build.id)
    }
  }
}

export type RunStage = ReturnType<typeof createStage>
