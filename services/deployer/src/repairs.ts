import type { Deployment } from '@slipway/domain'
import { backoffMs, type Logger } from '@slipway/service'

export interface Repairs {
  /** What is wrong now: replaces what still waits. What is under way goes on; what failed lately is left out until it is due. */
  want(deployments: Deployment[]): void
  /** Starts nothing more, and waits for what is under way. */
  close(): Promise<void>
}

export interface RepairsDeps {
  repair(deployment: Deployment): Promise<void>
  /** A repair failed and may be tried again after so long. */
  onFailed(retryMs: number): void
  slots: number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

/**
 * Repairs several deployments at a time, each with a back-off of its own. Those that keep failing come last and never hold
 * more than half of the slots, so that a function that hangs at its start delays nobody else.
 */
export function createRepairs({ repair, onFailed, slots, monotonicNow, logger }: RepairsDeps): Repairs {
  const underWay = new Map<string, Promise<void>>()
  const troubles = new Map<string, { failures: number; dueAt: number }>()
  let waiting: Deployment[] = []
  let isClosing = false

  const failuresOf = ({ id }: Deployment) => troubles.get(id)?.failures ?? 0

  async function run(deployment: Deployment): Promise<void> {
    const { id: deploymentId, clusterName } = deployment
    try {
      await repair(deployment)
      troubles.delete(deploymentId)
    } catch (err) {
      if (isClosing) return
      const failures = failuresOf(deployment) + 1
      const retryMs = backoffMs(failures)
      troubles.set(deploymentId, { failures, dueAt: monotonicNow() + retryMs })
      logger.error(
        { err, deploymentId, function: clusterName, failures, retryMs },
        'a deployment could not be repaired, it is tried again'
      )
      onFailed(retryMs)
    } finally {
      underWay.delete(deploymentId)
      fill()
    }
  }

  function fill(): void {
    for (let [next] = waiting; next !== undefined; [next] = waiting) {
      const limit = failuresOf(next) === 0 ? slots : Math.ceil(slots / 2)
      if (underWay.size >= limit) return
      waiting.shift()
      underWay.set(next.id, run(next))
    }
  }

  return {
    want(deployments) {
      if (isClosing) return
      const ids = new Set(deployments.map(({ id }) => id))
      for (const id of troubles.keys()) if (!ids.has(id) && !underWay.has(id)) troubles.delete(id)
      waiting = deployments
        .filter(({ id }) => !underWay.has(id) && (troubles.get(id)?.dueAt ?? 0) <= monotonicNow())
        .sort((a, b) => failuresOf(a) - failuresOf(b))
      fill()
    },
    async close() {
      isClosing = true
      waiting = []
      await Promise.all(underWay.values())
    }
  }
}
