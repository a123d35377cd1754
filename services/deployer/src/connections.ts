import {
  type ForgeApi,
  type ForgeOwner,
  type ForgeRepository,
  judgePresence,
  ownerStopReason,
  type Presence,
  productionRef,
  type Repository,
  type Store
} from '@slipway/domain'
import type { Logger } from '@slipway/service'

export interface ConnectionsDeps {
  store: Pick<Store, 'owners' | 'repositories' | 'builds'>
  installationBranch: string | null
  /** Something was queued. */
  queued(): void
  now: () => number
  logger: Logger
}

/** Why the forge is asked: it said itself that something changed, or we just look. */
export type Occasion = 'event' | 'look'

export interface Connections {
  /**
   * Asks the forge about one repository and stores the answer: one that is there is connected (again), one that is lost is
   * disconnected, an unclear answer changes nothing. After an event "not found" is enough, because all that follows at once
   * is that nothing of it is built; the grace and another question stand before its removal.
   */
  refresh(
    forge: ForgeApi,
    known: Repository | null,
    hint: { id: string; installationId: string | null },
    occasion: Occasion,
    signal: AbortSignal
  ): Promise<Presence>
  /** The same for everything that an App's installation sees. */
  refreshInstallation(forge: ForgeApi, installationId: string, occasion: Occasion, signal: AbortSignal): Promise<void>
}

/** Holds what is connected here against what is connected at the forges. Nothing here removes a function. */
export function createConnections({ store, installationBranch, queued, now, logger }: ConnectionsDeps): Connections {
  /** Stores a repository as the forge has it; one that is new, or was away, gets its production branch built at once. */
  async function connect(
    forge: ForgeApi,
    found: ForgeRepository & { owner: ForgeOwner },
    seenBy: { identity: string; isConnectionSeen: boolean },
    signal: AbortSignal
  ): Promise<void> {
    const { forgeId } = forge.instance
    const repository = await store.repositories.connect(forgeId, found, now(), seenBy)
    // Not "is it new, or was it away": who died between the two steps would leave one that is connected and that nobody ever builds.
    const [newest] = await store.builds.list(null, { repositoryId: repository.id }, { before: null, limit: 1 })
    if (newest !== undefined && newest.createdAt >= repository.connectedAt) return
    const owner = repository.ownerId === null ? null : await store.owners.get(repository.ownerId)
    const stop = owner === null ? null : ownerStopReason(owner)
    if (stop !== null) {
      logger.info({ repositoryId: repository.id, reason: stop }, 'repository connected, and not built')
      return
    }
    const ref = productionRef(repository, installationBranch)
    const commit = await forge.findHead(repository, ref, signal)
    if (commit === null) return
    const build = { repositoryId: repository.id, ref, commit, before: null, trigger: 'connect' as const }
    await store.builds.queue({ ...build, message: null, sender: null, noCache: false }, now())
    queued()
    logger.info({ repositoryId: repository.id, ref, commit }, 'repository connected, its branch is queued')
  }

  async function refresh(
    forge: ForgeApi,
    known: Repository | null,
    hint: { id: string; installationId: string | null },
    occasion: Occasion,
    signal: AbortSignal
  ): Promise<Presence> {
    const identity = await forge.identity(signal)
    const found = await forge.findRepository(
      {
        forgeRepositoryId: hint.id,
        installationId: hint.installationId ?? known?.installationId ?? null,
        fullName: known?.fullName ?? null
      },
      signal
    )
    const presence = judgePresence(found, known ?? { seenBy: null, connectionSeenBy: null }, identity)
    if (known !== null && (presence === 'lost' || (found === null && occasion === 'event'))) {
      if (known.disconnectedAt === null) {
        logger.warn({ repositoryId: known.id, repository: known.fullName }, 'the repository is lost: disconnected')
        await store.repositories.disconnect(known.id, now())
      }
      return presence
    }
    // What was lost is not back for being visible: it has to be connected.
    const isBack = known?.disconnectedAt == null || found?.connection !== 'gone'
    if (found !== null && found.owner !== null && isBack) {
      const seenBy = { identity, isConnectionSeen: found.connection === 'there' }
      await connect(forge, { ...found, owner: found.owner }, seenBy, signal)
      return 'there'
    }
    return presence
  }

  async function refreshInstallation(
    forge: ForgeApi,
    installationId: string,
    occasion: Occasion,
    signal: AbortSignal
  ): Promise<void> {
    const { forgeId } = forge.instance
    const installation = await forge.findInstallation(installationId, signal)
    const known = await store.repositories.ofInstallation(forgeId, installationId)
    if (installation !== null) {
      const identity = await forge.identity(signal)
      await store.repositories.setSuspended(forgeId, installationId, installation.isSuspended, now())
      for (const found of installation.repositories) {
        if (found.owner === null) continue
        await connect(forge, { ...found, owner: found.owner }, { identity, isConnectionSeen: true }, signal)
      }
    }
    if (installation?.isSuspended === true) return
    const visible = new Set(installation?.repositories.map((one) => one.forgeRepositoryId))
    for (const repository of known) {
      if (visible.has(repository.forgeRepositoryId)) continue
      // It may have moved to another owner, or the App may have been installed anew.
      const hint = { id: repository.forgeRepositoryId, installationId: repository.installationId }
      await refresh(forge, repository, hint, occasion, signal)
    }
  }

  return { refresh, refreshInstallation }
}
