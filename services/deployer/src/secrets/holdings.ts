import {
  type ForgeSecretUse,
  forgeSecretIdentity,
  type SealingKey,
  type Store,
  type StoredSecret
} from '@slipway/domain'
import type { Holding } from '@slipway/secrets'

export const secretIdentity = ({ ownerId, name, versionId }: Pick<StoredSecret, 'ownerId' | 'name' | 'versionId'>) => [
  'secret',
  ownerId,
  name,
  versionId
]
export const sealingKeyIdentity = ({ fingerprint }: Pick<SealingKey, 'fingerprint'>) => ['sealing key', fingerprint]

export const sinkIdentity = ({ id }: { id: string }) => ['notification sink', id]

const batch = 100

/** Functions' secrets. */
export function secretVersions({ secrets }: Pick<Store, 'secrets'>): Holding {
  return async (keyId) =>
    (await secrets.encryptedOtherwise(keyId, batch)).map((one) => ({
      ciphertext: one.ciphertext,
      identity: secretIdentity(one),
      replace: (after) => secrets.reencrypt(one.versionId, one.ciphertext, after)
    }))
}

/** Private keys that sealed secrets are opened with. */
export function sealingKeys({ sealingKeys: keys }: Pick<Store, 'sealingKeys'>): Holding {
  return async (keyId) =>
    (await keys.list())
      .filter((one) => one.keyId !== keyId)
      .map((one) => ({
        ciphertext: one.ciphertext,
        identity: sealingKeyIdentity(one),
        replace: (after) => keys.reencrypt(one.fingerprint, one.ciphertext, after)
      }))
}

/** Credentials of forges, of one use. */
export function forgeSecrets({ forgeApps }: Pick<Store, 'forgeApps'>, use: ForgeSecretUse): Holding {
  return async (keyId) =>
    (await forgeApps.encryptedOtherwise(use, keyId)).map((one) => ({
      ciphertext: one.ciphertext,
      identity: forgeSecretIdentity(one),
      replace: (after) => forgeApps.reencrypt(one.id, one.ciphertext, after)
    }))
}

/** Addresses that are told of what happens, and what requests to them are signed with. */
export function notificationSinks({ notifications }: Pick<Store, 'notifications'>): Holding {
  return async (keyId) =>
    (await notifications.allSinks())
      .filter((one) => one.keyId !== keyId)
      .map((one) => ({
        ciphertext: one.ciphertext,
        identity: sinkIdentity(one),
        replace: (after) => notifications.reencrypt(one.id, one.ciphertext, after)
      }))
}
