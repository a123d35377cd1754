import type { ForgeApi, Store } from '@slipway/domain'
import type { Loop } from '@slipway/service'
import type { Connections } from './connections.ts'
import { createRounds, type RoundsDeps } from './rounds.ts'

export interface PresenceDeps extends Omit<RoundsDeps, 'name' | 'forgeId'> {
  store: Pick<Store, 'repositories'>
  forge: ForgeApi
  connections: Connections
}

const pageSize = 50

/**
 * Looks now and then whether what is connected here still is at the forge, and whether what was lost is back: an event that
 * said so may have been lost. Where there are installations, each answers for all of its repositories.
 */
export function createPresence(deps: PresenceDeps): Loop {
  const { store, forge, connections, logger } = deps
  const { forgeId } = forge.instance

  async function refreshSingles(signal: AbortSignal): Promise<unknown> {
    let failure: unknown = null
    for (let after: string | null = null; ; ) {
      const page = await store.repositories.ofForge(forgeId, after, pageSize)
      for (const repository of page.filter((one) => one.installationId === null || one.disconnectedAt !== null)) {
        const hint = { id: repository.forgeRepositoryId, installationId: repository.installationId }
        await connections.refresh(forge, repository, hint, 'look', signal).catch((err: unknown) => {
          signal.throwIfAborted()
          failure = err
          logger.warn({ err, repositoryId: repository.id }, 'a repository could not be looked up')
        })
      }
      after = page.length < pageSize ? null : (page.at(-1)?.id ?? null)
      if (after === null) return failure
    }
  }

  return createRounds({ ...deps, name: 'presence', forgeId }, async (signal) => {
    let failure: unknown = null
    for (const installationId of await store.repositories.installations(forgeId)) {
      await connections.refreshInstallation(forge, installationId, 'look', signal).catch((err: unknown) => {
        signal.throwIfAborted()
        failure = err
        logger.warn({ err, forgeId, installationId }, 'an installation could not be looked up')
      })
    }
    failure = (await refreshSingles(signal)) ?? failure
    if (failure !== null) throw failure
  })
}
