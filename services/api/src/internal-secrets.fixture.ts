import { randomUUID } from 'node:crypto'
import type { InternalSecrets } from '@slipway/client'
import { assertSecretValues, type Store } from '@slipway/domain'

const away = () => Promise.reject(new Error('this test does not ask for it'))

/** What `deployer` answers, without encryption. */
export function createInternalSecretsForTest(store: Pick<Store, 'secrets' | 'sealingKeys'>): InternalSecrets {
  return {
    async putSecret({ ownerId, name, by }, values) {
      const bytes = new Map(Object.entries(values).map(([key, value]) => [key, Buffer.from(value, 'base64')]))
      assertSecretValues(name, bytes)
      const keys = Object.keys(values).sort()
      const version = { versionId: randomUUID(), keys, ciphertext: JSON.stringify(values), keyId: 'none' }
      const { set, redeploys } = await store.secrets.put({ ownerId, name, version, by }, Date.now())
      return { set, isChanged: true, redeploys: redeploys.map(({ id }) => id) }
    },
    async sealingCertificate() {
      const key = { fingerprint: 'f1', certificate: 'a certificate', ciphertext: '', keyId: 'none', createdAt: 1 }
      await store.sealingKeys.addFirst(key)
      return 'a certificate'
    },
    rotateSealingKey: () => Promise.resolve('another certificate'),
    importSealingKeys: () => Promise.resolve(['f2']),
    rotateEncryptionKey: () => Promise.resolve(3),
    sealForBuild: away,
    secretsOfBuild: away,
    secretValues: away,
    redactions: away
  }
}
