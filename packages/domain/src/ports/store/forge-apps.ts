import type { ForgeInstance } from '../../forge.ts'

/**
 * An App of ours at a forge, made by `slipway connect`, or the account whose token is used where there are no Apps (GitLab). Nothing in it
 * is secret.
 */
export interface ForgeApp extends ForgeInstance {
  /** The forge's numeric id of the App, or of the account, as a decimal string. */
  appId: string
  slug: string
  /** The App's page for people; its installations are made below it. */
  htmlUrl: string
  /** Whose App it is. */
  ownerLogin: string
  /** Of an organisation, or of a user. */
  isOrganization: boolean
  /** For sign-in with the App; null where the forge gave none. */
  clientId: string | null
  /** Whether the forge delivers: not when the App was made where no forge could reach this installation, until a delivery came. */
  isHookActive: boolean
  createdAt: number
}

/**
 * What a secret of a forge is for, which is also who may open it: `private-key` and `access-token` only `deployer`, `webhook` receiver and deployer,
 * `sign-in` only `api`. Each is encrypted with a keyring of its own.
 */
export type ForgeSecretUse = 'private-key' | 'access-token' | 'webhook' | 'sign-in'

export interface ForgeSecret {
  id: string
  forgeId: string
  use: ForgeSecretUse
  ciphertext: string
  /** Of the key that it is encrypted with. */
  keyId: string
  createdAt: number
  /** From then on it is not accepted any more; null: the current one, or one that may still become it. */
  expiresAt: number | null
}

/** What the ciphertext is bound to. */
export function forgeSecretIdentity({ forgeId, use, id }: Pick<ForgeSecret, 'forgeId' | 'use' | 'id'>): string[] {
  return ['forge secret', forgeId, use, id]
}

/** Credentials of forges that are kept here instead of in the environment. Nothing here is in the clear but names. */
export interface ForgeApps {
  list(): Promise<ForgeApp[]>
  get(forgeId: string): Promise<ForgeApp | null>
  /**
   * Stores an App with its secrets, and removes what was there before of the forge.
   *
   * @param replaces the `appId` that it takes the place of; null: none. @throws Failure `conflict` when another is there.
   */
  put(app: ForgeApp, secrets: ForgeSecret[], replaces: string | null): Promise<void>
  /** The forge delivers to it, or does not. */
  setHookActive(app: Pick<ForgeApp, 'forgeId' | 'appId'>, isActive: boolean): Promise<void>
  /** Secrets of a use that count at this moment, of all forges, the newest first. */
  secrets(use: ForgeSecretUse, now: number): Promise<ForgeSecret[]>
  /** One more beside those that are there. @throws Failure `not-found` when the forge has no App any more */
  addSecret(secret: ForgeSecret): Promise<void>
  /** All others of their forge and use stop counting at that moment, unless they do earlier. */
  supersedeSecrets(of: Pick<ForgeSecret, 'forgeId' | 'use'>, kept: readonly string[], at: number): Promise<void>
  /** Forgets what stopped counting before then. Returns how many. */
  collectSecrets(before: number): Promise<number>
  /** Secrets of a use that are encrypted with another key than this one. */
  encryptedOtherwise(use: ForgeSecretUse, keyId: string): Promise<ForgeSecret[]>
  /** The same secret under another key. Does nothing when it is not encrypted as it was any more. */
  reencrypt(id: string, before: string, after: { ciphertext: string; keyId: string }): Promise<void>
}

/** `started`: somebody is sent to the forge. `converting`: they are back with a code, which is spent by now. */
export type ForgeConnectionStatus = 'started' | 'converting' | 'connected' | 'failed'

/** One attempt to connect a forge: from the address that is given out to the App. */
export interface ForgeConnection {
  id: string
  /** Hash of what the forge sends back, so that nobody else's App is taken for ours. */
  stateHash: string
  instance: ForgeInstance
  /** Login of the organisation that the App is to belong to; null: the person's own. */
  organization: string | null
  /** What is posted to the forge, as JSON. */
  manifest: string
  /** The `appId` that the new App takes the place of; null: none. */
  replaces: string | null
  startedBy: string
  startedAt: number
  expiresAt: number
  status: ForgeConnectionStatus
  /** Why it failed, in words for who started it. */
  reason: string | null
  appId: string | null
}

export interface ForgeConnections {
  begin(connection: ForgeConnection): Promise<void>
  get(id: string): Promise<ForgeConnection | null>
  findByState(stateHash: string): Promise<ForgeConnection | null>
  /** Whoever takes a started one converts its code; null when it was taken before, is over or unknown: nobody else does. */
  take(stateHash: string, now: number): Promise<ForgeConnection | null>
  /** Ends a taken one. */
  finish(
    id: string,
    end: { status: 'connected'; appId: string } | { status: 'failed'; reason: string; appId: string | null }
  ): Promise<void>
  /** Forgets attempts that were over before then. */
  collect(before: number): Promise<number>
}
