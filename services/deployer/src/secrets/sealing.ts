import type { KeyObject } from 'node:crypto'
import type { SealedDocument } from '@slipway/client'
import { assertSecretValues, Failure, isSecretKey, type SealedSet, type SealingKey, type Store } from '@slipway/domain'
import type { Encryption } from '@slipway/secrets'
import { fingerprintOf, makeSealingKey, openValue, privateKeyOf, privateKeysIn } from '@slipway/secrets'
import { sealingKeyIdentity } from './holdings.ts'
import type { SecretKeeper } from './keeper.ts'
import { quote, refusal, type SealedPlace, sealedPlaceOf } from './sealed-place.ts'

/** The keys that secrets are sealed with in repositories, and the opening of what is sealed. */
export interface Sealing {
  /** PEM. The first one is made when somebody asks. */
  certificate(): Promise<string>
  rotate(): Promise<string>
  /** Returns fingerprints. @throws Failure `invalid-request` */
  importKeys(text: string): Promise<string[]>
  /** @throws Failure at the line that is at fault; `lease-lost` */
  openForBuild(
    build: { id: string; ownerId: string; ownerSlug: string },
    holder: string,
    documents: SealedDocument[]
  ): Promise<void>
}

/** An owner's secrets.yml may hold so many sets. */
const documentLimit = 100

export interface SealingDeps {
  store: Pick<Store, 'secrets' | 'sealingKeys'>
  encryption: Encryption
  keeper: SecretKeeper
  now: () => number
}

export function createSealing({ store, encryption, keeper, now }: SealingDeps): Sealing {
  let making: Promise<SealingKey> | null = null

  async function encrypted(privateKey: string, certificate: string | null): Promise<SealingKey> {
    const fingerprint = fingerprintOf(privateKeyOf(privateKey))
    const sealed = await encryption.encrypt(Buffer.from(privateKey), sealingKeyIdentity({ fingerprint }))
    return { fingerprint, certificate, ...sealed, createdAt: now() }
  }

  /** Seconds of work: once at a time, whoever asks. */
  async function make(): Promise<SealingKey> {
    making ??= (async () => {
      const { privateKey, certificate } = await makeSealingKey(now())
      return encrypted(privateKey, certificate)
    })()
    try {
      return await making
    } finally {
      making = null
    }
  }

  async function current(): Promise<string | null> {
    return (await store.sealingKeys.list()).find(({ certificate }) => certificate !== null)?.certificate ?? null
  }

  async function privateKeys(): Promise<KeyObject[]> {
    const keys = await store.sealingKeys.list()
    return Promise.all(
      keys.map(async (key) =>
        privateKeyOf((await encryption.decrypt(key.ciphertext, sealingKeyIdentity(key))).toString())
      )
    )
  }

  function open(keys: KeyObject[], document: SealedDocument, { set, scope }: SealedPlace): Map<string, Buffer> {
    const values = new Map<string, Buffer>()
    for (const { key, sealed, at } of document.values) {
      if (!isSecretKey(key))
        throw refusal('invalid-stack', at, `${quote(key)} cannot be a key: it becomes the name of a file`)
      const value = openValue(keys, sealed, scope)
      if (value === null) {
        const place =
          scope.name === null ? `the namespace "${scope.namespace}"` : `"${scope.name}" in "${scope.namespace}"`
        const why = `the value ${quote(key)} does not open: it was sealed with another certificate, or not for ${place}; seal it again with "slipway secrets seal ${set}"`
        throw refusal('invalid-stack', at, why)
      }
      values.set(key, value)
    }
    return values
  }

  async function setOf(
    ownerId: string,
    document: SealedDocument,
    place: SealedPlace,
    keys: KeyObject[]
  ): Promise<SealedSet> {
    const values = open(keys, document, place)
    try {
      assertSecretValues(place.set, values)
    } catch (err) {
      if (err instanceof Failure) throw refusal(err.code, document.at.name, err.message)
      throw err
    }
    const version = await keeper.versionOf({ ownerId, name: place.set }, values)
    return { name: place.set, sharedName: place.sharedName, version }
  }

  return {
    async certificate() {
      const known = await current()
      if (known !== null) return known
      await store.sealingKeys.addFirst(await make())
      return (await current()) ?? ''
    },
    async rotate() {
      const key = await make()
      await store.sealingKeys.add(key)
      return key.certificate ?? ''
    },
    async importKeys(text) {
      const keys = await Promise.all(privateKeysIn(text).map((pem) => encrypted(pem, null)))
      for (const key of keys) await store.sealingKeys.add(key)
      return keys.map(({ fingerprint }) => fingerprint)
    },
    async openForBuild({ id, ownerId, ownerSlug }, holder, documents) {
      const [first] = documents
      if (first !== undefined && documents.length > documentLimit) {
        throw refusal('limit-exceeded', first.at.name, `more than ${documentLimit} sealed secrets in one repository`)
      }
      const places = documents.map((document) => ({ document, place: sealedPlaceOf(ownerSlug, document) }))
      const seen = new Set<string>()
      for (const { document, place } of places) {
        if (seen.has(place.set))
          throw refusal('invalid-stack', document.at.name, `the secret "${place.set}" is here twice`)
        seen.add(place.set)
      }
      const keys = documents.length === 0 ? [] : await privateKeys()
      const sets: SealedSet[] = []
      for (const { document, place } of places) sets.push(await setOf(ownerId, document, place, keys))
      const refused = await store.secrets.seal(id, holder, sets, now())
      if (refused === null) return
      const at = places.find(({ place }) => place.set === refused.name)?.document.at.name
      if (at === undefined) throw new Failure('conflict', refused.reason)
      throw refusal('conflict', at, refused.reason)
    }
  }
}
