import type { Build } from '../../build.ts'
import type { SecretSet, StoredSecret } from '../../secret.ts'

/** One version as it is to be stored. Its id is the caller's to choose, for the ciphertext is bound to it. */
export interface NewSecretVersion {
  versionId: string
  /** In order. */
  keys: string[]
  ciphertext: string
  /** The key that it is encrypted with. */
  keyId: string
}

/** A set that a build found sealed in its repository. */
export interface SealedSet {
  name: string
  /** The name that it was sealed under in a namespace that owners share; null in a namespace of the owner's own. */
  sharedName: string | null
  /** A new version, or the set's own one when nothing in it changed. */
  version: NewSecretVersion | { versionId: string }
}

/** Sets of secrets and their versions. Nothing here is in the clear but names. */
export interface Secrets {
  /** Current sets, in the order of their names. */
  list(ownerId: string): Promise<SecretSet[]>
  get(ownerId: string, name: string): Promise<SecretSet | null>
  /**
   * Makes a set, or a new current version of one. Functions that are live with an earlier version get a new deployment without a
   * build: one of trigger `configuration` is queued for each repository, in the same transaction. What is rolled out meanwhile
   * with an earlier version is deployed again once it is live. Paused functions stay as they are.
   *
   * @returns the builds that were queued.
   * @throws Failure `conflict` for a set that a repository has sealed
   */
  put(
    change: { ownerId: string; name: string; version: NewSecretVersion; by: string },
    now: number
  ): Promise<{ set: SecretSet; redeploys: Build[] }>
  /** Takes a set away. Deployments that have it keep it. @throws Failure `not-found`; `conflict` naming who uses or seals it */
  remove(ownerId: string, name: string, now: number): Promise<void>

  /**
   * Stores what a claimed build found sealed in its repository, in place of what an earlier try of it found. It is this build's
   * alone until its functions go live: then it becomes current, and sets that the repository sealed before and no more end.
   *
   * @returns why one of them is refused, and nothing is stored; null when all are.
   * @throws Failure `lease-lost`
   */
  seal(
    buildId: string,
    holder: string,
    sets: SealedSet[],
    now: number
  ): Promise<{ name: string; reason: string } | null>
  /**
   * The versions that a claimed build's functions would get: its own sealed ones before the owner's current ones. Those that
   * are not there are left out. @throws Failure `lease-lost`
   */
  ofBuild(buildId: string, holder: string, names: readonly string[]): Promise<StoredSecret[]>
  versions(versionIds: readonly string[]): Promise<StoredSecret[]>
  /** Everything of an owner that something may still print: current ones, what builds sealed, what deployments run with. */
  inUse(ownerId: string): Promise<StoredSecret[]>

  /** Versions that are encrypted with another key than this one. */
  encryptedOtherwise(keyId: string, limit: number): Promise<StoredSecret[]>
  /** The same values under another key. Does nothing when the version is not encrypted as it was any more. */
  reencrypt(versionId: string, before: string, after: { ciphertext: string; keyId: string }): Promise<void>
  /** Forgets versions made before `before` that nothing refers to: no set, no running build, no deployment. Returns how many. */
  collect(before: number): Promise<number>
}

/** A key pair that secrets are sealed with. */
export interface SealingKey {
  /** Of the public key. */
  fingerprint: string
  /** PEM; null for one that was brought from elsewhere: it opens, and nothing is sealed with it any more. */
  certificate: string | null
  /** The private key. */
  ciphertext: string
  keyId: string
  createdAt: number
}

export interface SealingKeys {
  /** The newest first. */
  list(): Promise<SealingKey[]>
  /** Adds a key; one that is there already stays as it is. */
  add(key: SealingKey): Promise<void>
  /** Adds the first key that has a certificate, unless there is one: two processes may make one at the same moment. */
  addFirst(key: SealingKey): Promise<void>
  reencrypt(fingerprint: string, before: string, after: { ciphertext: string; keyId: string }): Promise<void>
}
