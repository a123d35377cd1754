import Type from 'typebox'
import { Done } from './done.ts'
import { SealingKeyView, SecretView } from './resources.ts'
import type { RouteContract } from './route-contract.ts'

export const secretRoutes = {
  listSecrets: {
    method: 'GET',
    path: '/api/v1/secrets/:owner',
    rule: { action: 'see-secrets', on: 'owner' },
    summary: "An owner's secrets: names and keys, never values",
    response: Type.Object({ items: Type.Array(SecretView) })
  },
  putSecret: {
    method: 'PUT',
    path: '/api/v1/secrets/:owner/:name',
    rule: { action: 'set-secrets', on: 'owner' },
    summary:
      'Make a secret, or replace all of its values; each key is a file in the functions that list the secret, which are deployed again',
    body: Type.Object({
      values: Type.Record(Type.String(), Type.String()),
      encoding: Type.Optional(Type.Enum(['text', 'base64']))
    }),
    bodyLimitBytes: 4 * 1024 * 1024,
    response: Type.Object({
      secret: SecretView,
      /** False: it had these values already. */
      isChanged: Type.Boolean(),
      /** Ids of the builds that deploy its functions again. */
      redeploys: Type.Array(Type.String())
    })
  },
  removeSecret: {
    method: 'DELETE',
    path: '/api/v1/secrets/:owner/:name',
    rule: { action: 'set-secrets', on: 'owner' },
    summary: 'Remove a secret that no function uses',
    response: Done
  },
  listSealingKeys: {
    method: 'GET',
    path: '/api/v1/sealing-keys',
    rule: { action: 'see-platform', on: 'platform' },
    summary: 'Keys that open sealed secrets',
    response: Type.Object({ items: Type.Array(SealingKeyView) })
  },
  importSealingKeys: {
    method: 'POST',
    path: '/api/v1/sealing-keys',
    rule: { action: 'administer', on: 'platform' },
    summary:
      'Bring private keys of another installation or of a sealed-secrets controller, as PEM or as kubectl prints them',
    body: Type.Object({ keys: Type.String({ minLength: 1 }) }),
    response: Type.Object({ message: Type.String(), fingerprints: Type.Array(Type.String()) })
  },
  rotateSealingKey: {
    method: 'POST',
    path: '/api/v1/sealing-keys/rotation',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Seal with a new key from now on',
    response: Done
  },
  rotateEncryptionKey: {
    method: 'POST',
    path: '/api/v1/encryption-key/rotation',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Encrypt everything at rest with a new key',
    response: Done
  }
} as const satisfies Record<string, RouteContract>
