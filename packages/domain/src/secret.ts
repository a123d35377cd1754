import { Failure } from './failure.ts'

/** Where a function finds its secrets: one file for each key of its sets. */
export const secretsDirectory = '/var/openfaas/secrets'

export const secretLimits = {
  /** Keys of one set. */
  keys: 100,
  /** All values of one set together, as Kubernetes has it for its own. */
  bytes: 1024 * 1024
} as const

/** Where a set comes from: `api`: put by somebody. `sealed`: a repository's `secrets.yml`. */
export type SecretOrigin = 'api' | 'sealed'

/**
 * A set of secret values of one owner: each key is a file in the functions that list the set. Every change makes a new version;
 * what is listed is the current one. Whoever made the set keeps it: another repository's set of that name is refused.
 */
export interface SecretSet {
  ownerId: string
  /** Without the owner's slug. */
  name: string
  origin: SecretOrigin
  /** Of a sealed one. */
  repositoryId: string | null
  versionId: string
  /** In order. Values are never shown. */
  keys: string[]
  /** Of the set, and of its current version. */
  createdAt: number
  updatedAt: number
}

/** Which version of a set a deployment has: it never changes, and a rollback brings it back. */
export interface SecretPin {
  name: string
  versionId: string
}

/** One version of a set as the store has it. Who holds the encryption key can read it. */
export interface StoredSecret {
  versionId: string
  ownerId: string
  name: string
  keys: string[]
  ciphertext: string
  /** The key that it is encrypted with. */
  keyId: string
  createdAt: number
}

/** Lower-case letters, digits, `-`, `_` and `.`, at most 63. */
export function isSecretName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/.test(name)
}

/** The name of a file, as Kubernetes allows it for a key. */
export function isSecretKey(key: string): boolean {
  return /^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== '.' && !key.startsWith('..')
}

/**
 * The name of a set, without its owner, from either way to write it: `<set>`, or OpenFaaS Cloud's `<slug>-<set>`.
 * Whole words are compared: `alexellis-db` is not `ellis-db` of the owner `alex`, but a set of that long name.
 */
export function secretNameOf(slug: string, written: string): string {
  const prefix = `${slug}-`
  return written.length > prefix.length && written.startsWith(prefix) ? written.slice(prefix.length) : written
}

/** @throws Failure `invalid-request`, `limit-exceeded` */
export function assertSecretValues(name: string, values: ReadonlyMap<string, Uint8Array>): void {
  if (!isSecretName(name)) {
    throw new Failure(
      'invalid-request',
      `${shown(name)} cannot be the name of a secret: lower-case letters, digits, "-", "_" and ".", at most 63`
    )
  }
  if (values.size === 0) throw new Failure('invalid-request', `the secret "${name}" has no values`)
  const bad = [...values.keys()].find((key) => !isSecretKey(key))
  if (bad !== undefined) {
    throw new Failure(
      'invalid-request',
      `${shown(bad)} cannot be a key of a secret: it is the name of a file, of letters, digits, "-", "_" and "."`
    )
  }
  const bytes = values.values().reduce((sum, value) => sum + value.length, 0)
  if (values.size > secretLimits.keys || bytes > secretLimits.bytes) {
    throw new Failure(
      'limit-exceeded',
      `the secret "${name}" has ${values.size} keys and ${bytes} bytes: at most ${secretLimits.keys} and ${secretLimits.bytes} are allowed`
    )
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
