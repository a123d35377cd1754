import type { ForgeApi, Store } from '@slipway/domain'
import type { Logger, Loop } from '@slipway/service'
import { type Connections, createConnections } from './connections.ts'
import { createAppInstallations } from './forges/app-installations.ts'
import { createHeads } from './heads.ts'
import { createMissedDeliveries } from './missed-deliveries.ts'
import { createOverrides } from './overrides.ts'
import { createPresence } from './presence.ts'
import { createRemovals } from './removals.ts'

export interface ReconcilerDeps {
  store: Store
  forges: Map<string, ForgeApi>
  installationBranch: string | null
  /** Whether a forge delivers nothing, and is asked instead. */
  isPolled(forge: ForgeApi): boolean
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

export interface Reconciler {
  connections: Connections
  overrides: Loop
  /** All of its loops. */
  loop: Loop
  /** Holds what is watched against the forges that there are now: they come, go and get other credentials. */
  follow(): void
  /** Asks a forge now where its App is installed. */
  lookForInstallations(forgeId: string): void
}

/** Everything that holds what is recorded here against what is true at the forges. */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const { forges, removalGraceMs } = deps
  const connections = createConnections(deps)
  const overrides = createOverrides(deps)
  const periodMs = Math.min(10_000, Math.max(200, removalGraceMs / 4))
  const removals = createRemovals({ ...deps, connections, graceMs: removalGraceMs, periodMs })
  const watches = new Map<string, Watch>()
  /** Of forges that are gone: what they do ends by itself. */
  let ending: Promise<unknown>[] = []
  const loops = () => [overrides, removals, ...[...watches.values()].flatMap((watch) => watch.loops)]

  function follow(): void {
    for (const [forgeId, { forge, loops }] of watches) {
      if (forges.get(forgeId) === forge) continue
      watches.delete(forgeId)
      ending = [...ending, ...loops.map((loop) => loop.close())]
    }
    for (const [forgeId, forge] of forges) {
      if (!watches.has(forgeId)) watches.set(forgeId, watch(deps, forge, connections))
    }
  }

  follow()
  return {
    connections,
    overrides,
    follow,
    lookForInstallations: (forgeId) => watches.get(forgeId)?.installations.wake(),
    loop: {
      wake() {
        for (const loop of loops()) loop.wake()
      },
      async close() {
        await Promise.all([...loops().map((loop) => loop.close()), ...ending])
      }
    }
  }
}

interface Watch {
  forge: ForgeApi
  loops: Loop[]
  installations: Loop
}

function watch(deps: ReconcilerDeps, forge: ForgeApi, connections: Connections): Watch {
  const { headsEveryMs, logger } = deps
  const { forgeId } = forge.instance
  const isPolled = deps.isPolled(forge)
  const everyMs = headsEveryMs ?? (isPolled ? oftenMs : rarelyMs)
  if (isPolled) {
    logger.warn({ forgeId, everyMs }, 'the forge delivers nothing here: heads are asked instead')
  }
  const common = { ...deps, forge, connections, everyMs }
  const installationsEveryMs = isPolled ? 4 * everyMs : Number.POSITIVE_INFINITY
  const installations = createAppInstallations({ ...common, everyMs: installationsEveryMs })
  const missedEveryMs = headsEveryMs ?? Math.max(everyMs, 60_000)
  return {
    forge,
    installations,
    loops: [
      createHeads(common),
      createPresence({ ...common, everyMs: 12 * everyMs }),
      createMissedDeliveries({ ...common, everyMs: missedEveryMs, recorded: deps.queued }),
      installations
    ]
  }
}
