import {
  type CleanUpReport,
  cleanUpAll,
  Failure,
  type ImageReference,
  type ImageRule,
  joinReports,
  pinnedReference,
  type Store
} from '@slipway/domain'
import type { RegistryClient } from '@slipway/registry'
import { cleanUpLease, createLoop, type Logger, type Loop, whileLeased } from '@slipway/service'

/** Days, unless it says otherwise. */
export interface KeepRules {
  deliveryDays: number
  auditDays: number
  buildDays: number
  buildsPerRepository: number
  logDays: number
  logsPerRepository: number
  /** Of an image that nothing needs, since a build last used it. */
  imageDays: number
  rollbacks: number
}

export interface CleanUpDeps {
  store: Pick<Store, 'retention' | 'settings'>
  registry: Pick<RegistryClient, 'removeManifest'>
  /** Frees what removed images leave in a registry of Slipway's own, in bytes; null: the registry is somebody else's. */
  collectLayers: ((signal: AbortSignal) => Promise<number>) | null
  /** What the builders take away on their machines. */
  askBuilders(signal: AbortSignal): Promise<CleanUpReport>
  keep: KeepRules
  isLeader(): boolean
  periodMs: number
  now: () => number
  logger: Logger
}

export interface CleanUp extends Loop {
  /** Does it now. @throws Failure `conflict` while a backup, or another one, is under way */
  run(options: { builders: boolean }, signal: AbortSignal): Promise<CleanUpReport>
}

const dayMs = 24 * 3600_000
/** Whatever their age: what happened last in a repository can always be looked up. */
const keepLast = { builds: 20, logs: 5 }
/** What charts show, and a little more for those that are being drawn. */
const keepTraffic = { minuteDays: 2, hourDays: 31 }
const lastRunKey = 'clean-up.at'
const uncollectedKey = 'clean-up.uncollected'
const lookEveryMs = 60_000
/** From so many images of one registry that are refused on, the others wait for the next time. */
const refusalLimit = 20
/** The others of them are counted. */
const toldLimit = 5

/** Takes away what is not kept: in the store by age and number, in the registry what nothing can need any more. */
export function createCleanUp(deps: CleanUpDeps): CleanUp {
  const { store, registry, collectLayers, askBuilders, keep, isLeader, periodMs, now, logger } = deps
  const { retention, settings } = store
  const before = (days: number) => now() - days * dayMs

  async function removeImages(signal: AbortSignal): Promise<{ count: number }> {
    const rule: ImageRule = { unusedSince: before(keep.imageDays), keepLast: keep.rollbacks }
    let count = 0
    /** By registry: one that is away, as one that was used before, keeps nothing from being removed in another. */
    const failures = new Map<string, unknown[]>()
    const left = new Set<string>()
    for (const image of await retention.unusedImages(rule)) {
      signal.throwIfAborted()
      const [host = ''] = image.repository.split('/', 1)
      if (left.has(host)) continue
      try {
        if (await removeImage(image, rule, signal)) count += 1
      } catch (err) {
        signal.throwIfAborted()
        const ofHost = [...(failures.get(host) ?? []), err]
        failures.set(host, ofHost)
        // An image that is refused leaves the others to be removed; a registry that is away refuses them all.
        const isAway = err instanceof Failure && err.code === 'unavailable'
        if (isAway || ofHost.length === refusalLimit) left.add(host)
      }
    }
    if (failures.size > 0) throw joinFailures([...failures.values()].flat())
    return { count }
  }

  async function removeImage(image: ImageReference, rule: ImageRule, signal: AbortSignal): Promise<boolean> {
    if (!(await retention.takeImage(image, rule, now()))) return false
    if (collectLayers !== null) await settings.set(uncollectedKey, 'yes')
    const wasThere = await registry.removeManifest(pinnedReference(image), signal).catch((err: unknown) => {
      // A registry that removes nothing collects by rules of its own: there it is not ours to remove any more.
      if (err instanceof Failure && err.code === 'unsupported') return false
      throw err
    })
    await retention.forgetImage(image)
    return wasThere
  }

  async function collect(isAsked: boolean, signal: AbortSignal): Promise<{ count: number; bytes: number }> {
    const isDue = isAsked || (await settings.get(uncollectedKey)) === 'yes'
    if (collectLayers === null || !isDue) return { count: 0, bytes: 0 }
    const bytes = await collectLayers(signal)
    await settings.set(uncollectedKey, 'no')
    return { count: 0, bytes }
  }

  async function runAlone(isAsked: boolean, signal: AbortSignal): Promise<CleanUpReport> {
    const rule = (days: number, last: number, most: number) => ({
      olderThan: before(days),
      keepLast: Math.min(last, most),
      keepMost: most
    })
    const counted = async (work: Promise<number>) => ({ count: await work })
    const logs = rule(keep.logDays, keepLast.logs, keep.logsPerRepository)
    const builds = rule(keep.buildDays, keepLast.builds, keep.buildsPerRepository)
    const deployments = { olderThan: before(keep.buildDays), keepLast: keep.rollbacks }
    const traffic = { minutes: before(keepTraffic.minuteDays), hours: before(keepTraffic.hourDays) }
    const { failures, ...report } = await cleanUpAll(
      {
        'build logs': () => counted(retention.removeLogs(logs, signal)),
        // What leads to a build goes first.
        'former deployments': () => counted(retention.removeDeployments(deployments, signal)),
        builds: () => counted(retention.removeBuilds(builds, signal)),
        'functions of images': () => counted(retention.removeImageFolders(builds.olderThan, signal)),
        deliveries: () => counted(retention.removeDeliveries(before(keep.deliveryDays), signal)),
        'audit entries': () => counted(retention.removeAudit(before(keep.auditDays), signal)),
        'traffic counts': () => counted(retention.removeTraffic(traffic, signal)),
        'images in the registry': () => removeImages(signal),
        'layers in the registry': () => collect(isAsked, signal)
      },
      signal
    )
    for (const err of failures) logger.error({ err }, 'a part of the clean-up failed, it is tried again')
    return report
  }

  async function run(isAsked: boolean, builders: boolean, signal: AbortSignal): Promise<CleanUpReport> {
    const own = await whileLeased({ settings, name: cleanUpLease, now }, signal, (held) => runAlone(isAsked, held))
    const report = joinReports([own, ...(builders ? [await askBuilders(signal)] : [])])
    logger.info({ removed: report.removed, problems: report.problems.length }, 'cleaned up')
    return report
  }

  const loop = createLoop(
    'clean-up',
    Math.min(lookEveryMs, periodMs),
    async (signal) => {
      if (!isLeader()) return
      // The first one comes a period after the first start, not in the middle of it.
      const lastAt = Number(await settings.ensure(lastRunKey, String(now())))
      if (now() - lastAt < periodMs) return
      await settings.set(lastRunKey, String(now()))
      try {
        // Builders have a timer of their own.
        await run(false, false, signal)
      } catch (err) {
        if (!(err instanceof Failure) || err.code !== 'conflict') throw err
        logger.info('a backup is under way, it is cleaned up later')
      }
    },
    logger
  )
  return { ...loop, run: ({ builders }, signal) => run(true, builders, signal) }
}

function joinFailures(failures: unknown[]): AggregateError {
  const told = new Set(failures.map((err) => (err instanceof Error ? err.message : String(err))))
  const more = told.size > toldLimit ? [`and ${told.size - toldLimit} more`] : []
  return new AggregateError(failures, [...[...told].slice(0, toldLimit), ...more].join('; '))
}
