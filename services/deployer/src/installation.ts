import { randomBytes, randomUUID } from 'node:crypto'
import type { Store } from '@slipway/domain'

export interface Installation {
  id: string
  /** Opens the deployer's API to the other services. */
  internalToken: string
}

/** Made once per installation. */
export async function installationOf(store: Pick<Store, 'settings'>): Promise<Installation> {
  return {
    id: await store.settings.ensure('installation', randomUUID()),
    internalToken: await store.settings.ensure('internal-token', randomBytes(32).toString('base64url'))
  }
}
