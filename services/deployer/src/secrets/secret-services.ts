import type { Store } from '@slipway/domain'
import { createEncryption, type Encryption } from '@slipway/secrets'
import { forgeSecrets, notificationSinks, sealingKeys, secretVersions } from './holdings.ts'
import { createSecretKeeper, type SecretKeeper } from './keeper.ts'
import { createRedactors, type Redactors } from './redactors.ts'
import { createSealing, type Sealing } from './sealing.ts'

/** Everything that holds an encryption key. */
export interface SecretServices {
  encryption: Encryption
  keeper: SecretKeeper
  sealing: Sealing
  redactors: Redactors
}

export function createSecretServices({
  store,
  encryptionKeys,
  encryptionFile,
  now
}: {
  store: Pick<Store, 'secrets' | 'sealingKeys' | 'forgeApps' | 'notifications' | 'settings'>
  encryptionKeys: string | null
  encryptionFile: string
  now: () => number
}): SecretServices {
  const encryption = createEncryption({
    settings: store.settings,
    name: 'encryption',
    keys: encryptionKeys,
    setting: 'ENCRYPTION_KEYS',
    file: encryptionFile,
    holdings: [
      secretVersions(store),
      sealingKeys(store),
      forgeSecrets(store, 'private-key'),
      forgeSecrets(store, 'access-token'),
      notificationSinks(store)
    ],
    now
  })
  const keeper = createSecretKeeper({ store, encryption, now })
  const sealing = createSealing({ store, encryption, keeper, now })
  const redactors = createRedactors({ secrets: store.secrets, keeper })
  return { encryption, keeper, sealing, redactors }
}
