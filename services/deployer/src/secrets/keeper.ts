import { randomUUID } from 'node:crypto'
import {
  assertSecretValues,
  type Build,
  type Deployment,
  Failure,
  type NewSecretVersion,
  type SecretSet,
  type Store,
  type StoredSecret
} from '@slipway/domain'
import type { Encryption } from '@slipway/secrets'
import { secretIdentity } from './holdings.ts'

export type Values = ReadonlyMap<string, Buffer>

/** Puts secrets in and takes them out: what is between it and the store is encrypted. */
export interface SecretKeeper {
  /** @throws Failure `conflict`, `invalid-request`, `limit-exceeded` */
  put(
    of: { ownerId: string; name: string; by: string },
    values: Values
  ): Promise<{ set: SecretSet; isChanged: boolean; redeploys: Build[] }>
  /** A version to be stored, or the current one's id when it has the same values. */
  versionOf(of: { ownerId: string; name: string }, values: Values): Promise<NewSecretVersion | { versionId: string }>
  open(secret: StoredSecret): Promise<Values>
  /** The files of a deployment's secrets by name. @throws Failure `invalid-stack` when two of its sets have the same key */
  filesOf(deployment: Pick<Deployment, 'secrets' | 'ownerId' | 'clusterName'>): Promise<Values>
}

export function createSecretKeeper({
  store,
  encryption,
  now
}: {
  store: Pick<Store, 'secrets'>
  encryption: Encryption
  now: () => number
}): SecretKeeper {
  async function open(secret: StoredSecret): Promise<Values> {
    const text = (await encryption.decrypt(secret.ciphertext, secretIdentity(secret))).toString('utf8')
    const encoded = JSON.parse(text) as Record<string, string>
    return new Map(secret.keys.map((key) => [key, Buffer.from(encoded[key] ?? '', 'base64')]))
  }

  async function current(ownerId: string, name: string): Promise<{ set: SecretSet; values: Values } | null> {
    const set = await store.secrets.get(ownerId, name)
    if (set === null) return null
    const [stored] = await store.secrets.versions([set.versionId])
    return stored === undefined ? null : { set, values: await open(stored) }
  }

  async function newVersion(of: { ownerId: string; name: string }, values: Values): Promise<NewSecretVersion> {
    const versionId = randomUUID()
    const encoded = Object.fromEntries([...values].map(([key, value]) => [key, value.toString('base64')]))
    const plaintext = Buffer.from(JSON.stringify(encoded))
    const sealed = await encryption.encrypt(plaintext, secretIdentity({ ...of, versionId }))
    return { versionId, keys: [...values.keys()].sort(), ...sealed }
  }

  return {
    open,
    async put({ ownerId, name, by }, values) {
      assertSecretValues(name, values)
      const known = await current(ownerId, name)
      if (known !== null && known.set.origin === 'api' && isSame(known.values, values)) {
        return { set: known.set, isChanged: false, redeploys: [] }
      }
      const version = await newVersion({ ownerId, name }, values)
      return { ...(await store.secrets.put({ ownerId, name, version, by }, now())), isChanged: true }
    },
    async versionOf(of, values) {
      const known = await current(of.ownerId, of.name)
      return known !== null && isSame(known.values, values)
        ? { versionId: known.set.versionId }
        : await newVersion(of, values)
    },
    async filesOf({ secrets, ownerId, clusterName }) {
      const stored = await store.secrets.versions(secrets.map(({ versionId }) => versionId))
      const files = new Map<string, Buffer>()
      for (const { name, versionId } of secrets) {
        const version = stored.find((one) => one.versionId === versionId && one.ownerId === ownerId)
        if (version === undefined) {
          throw new Failure(
            'invalid-configuration',
            `the secret "${name}" of ${clusterName} is not in the store any more`
          )
        }
        for (const [key, value] of await open(version)) {
          if (files.has(key)) {
            throw new Failure(
              'invalid-stack',
              `functions.${clusterName}.secrets: two of its secrets have the key "${key}", which is one file: rename one`
            )
          }
          files.set(key, value)
        }
      }
      return files
    }
  }
}

function isSame(a: Values, b: Values): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key)?.equals(value) ?? false)
}
