import type { ForgeApi, Store } from '@slipway/domain'
import type { Loop } from '@slipway/service'
import type { Connections } from '../connections.ts'
import { createRounds, type RoundsDeps } from '../rounds.ts'

export interface AppInstallationsDeps extends Omit<RoundsDeps, 'name' | 'forgeId'> {
  store: Pick<Store, 'repositories'>
  forge: ForgeApi
  connections: Pick<Connections, 'refreshInstallation'>
}

/** Finds out where the App was installed, for nobody tells where a forge cannot reach us. */
export function createAppInstallations(deps: AppInstallationsDeps): Loop {
  const { store, forge, connections } = deps
  const { forgeId } = forge.instance
  return createRounds({ ...deps, name: 'installations', forgeId }, async (signal) => {
    const known = new Set(await store.repositories.installations(forgeId))
    for (const { installationId } of (await forge.app?.installations(signal)) ?? []) {
      if (known.has(installationId)) continue
      await connections.refreshInstallation(forge, installationId, 'look', signal)
    }
  })
}
