import type { ForgeApi, Store } from '@slipway/domain'
import type { Logger, Loop } from '@slipway/service'
import { type Connections, createConnections } from './connections.ts'
import { createHeads } from './heads.ts'
import { createMissedDeliveries } from './missed-deliveries.ts'
import { createOverrides } from './overrides.ts'
import { createPresence } from './presence.ts'
import { isReachable } from './reachable.ts'
import { createRemovals } from './removals.ts'

export interface ReconcilerDeps {
  store: Store
  forges: Map<string, ForgeApi>
  installationBranch: string | null
  /** Where forges reach this installation. */
  publicUrl: string | undefined
  /** How often heads are asked; undefined: depends on whether the forge can reach us. */
  headsEveryMs: number | undefined
  removalGraceMs: number
  isLeader(): boolean
  /** Something was queued, or an event was recorded. */
  queued(): void
  routesChanged(): void
  /** A build's worker is to stop it. */
  stop(buildId: string): void
  now: () => number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

/** While deliveries arrive, asking is only for those that are lost. */
const rarelyMs = 5 * 60_000
/** Without deliveries, asking is all there is. */
const oftenMs = 15_000

/** Everything that holds what is recorded here against what is true at the forges. */
export function createReconciler(deps: ReconcilerDeps): { connections: Connections; overrides: Loop; loops: Loop[] } {
  const { forges, publicUrl, headsEveryMs, removalGraceMs, logger } = deps
  const connections = createConnections(deps)
  const overrides = createOverrides(deps)
  const periodMs = Math.min(10_000, Math.max(200, removalGraceMs / 4))
  const removals = createRemovals({ ...deps, connections, graceMs: removalGraceMs, periodMs })
  const loops: Loop[] = [overrides, removals]
  for (const forge of forges.values()) {
    const { forgeId, baseUrl } = forge.instance
    const isPolled = !isReachable(publicUrl, baseUrl)
    const everyMs = headsEveryMs ?? (isPolled ? oftenMs : rarelyMs)
    if (isPolled) {
      logger.warn(
        { forgeId, publicUrl, everyMs },
        'the forge cannot reach PUBLIC_URL: heads are asked instead of waiting for deliveries'
      )
    }
    const common = { ...deps, forge, connections, everyMs }
    loops.push(
      createHeads(common),
      createPresence({ ...common, everyMs: 12 * everyMs }),
      createMissedDeliveries({
        ...common,
        everyMs: headsEveryMs ?? Math.max(everyMs, 60_000),
        recorded: deps.queued
      })
    )
  }
  return { connections, overrides, loops }
}
