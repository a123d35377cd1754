import { Failure, type Store } from '@slipway/domain'

/** What the deployer noted when it was started first, as the other services need it. */
export interface KnownInstallation {
  id: string
  /** Opens the deployer's API. */
  internalToken: string
}

/** @throws Failure `unavailable` before the deployer was ever started */
export async function readInstallation({ settings }: Pick<Store, 'settings'>): Promise<KnownInstallation> {
  const [id, internalToken] = [await settings.get('installation'), await settings.get('internal-token')]
  if (id === null || internalToken === null) {
    throw new Failure('unavailable', 'the deployer was never started: start it first, it sets the installation up')
  }
  return { id, internalToken }
}
