import type { Account, Person, Session } from '../../account.ts'
import type { Grants } from '../../rights.ts'
import type { ForgeRights } from '../identity.ts'
import type { Page } from './page.ts'

export interface Accounts {
  get(id: string): Promise<Account | null>
  findByForge(forgeId: string, forgeUserId: string): Promise<Account | null>
  list(page: Page): Promise<Account[]>
  /** Who signs in: made when unknown, otherwise called as the forge calls them now. */
  signIn(forgeId: string, person: Person, now: number): Promise<Account>
  /** @throws Failure `not-found` */
  setAdministrator(id: string, isAdministrator: boolean): Promise<Account>
  hasAdministrator(): Promise<boolean>
}

/** Sessions are known by a hash of what the browser has: whoever reads the store can use none of them. */
export interface Sessions {
  /** Also forgets those that are over. */
  open(
    session: { tokenHash: string; accountId: string | null; idleUntil: number; expiresAt: number },
    now: number
  ): Promise<Session>
  /** null: unknown or over. */
  find(tokenHash: string, now: number): Promise<Session | null>
  /** It was used. */
  putOff(id: string, idleUntil: number): Promise<void>
  end(id: string): Promise<void>
  /** All of an account, or all of the administrator's without one. Returns how many. */
  endAll(accountId: string | null): Promise<number>
}

/** What is good once and for a short time: a sign-in that has begun, a link that was printed. Known by a hash. */
export interface Tickets {
  /** Also forgets those that are over. `data` is the caller's own. */
  issue(ticket: { kind: string; hash: string; data: string; expiresAt: number }, now: number): Promise<void>
  /** What is in it, without using it up; null: unknown, used or over. */
  peek(kind: string, hash: string, now: number): Promise<string | null>
  /** Of several who take one at the same moment one gets it. */
  take(kind: string, hash: string, now: number): Promise<string | null>
  /** Takes all of a kind away. */
  revoke(kind: string): Promise<void>
}

/** A person's token at the forge, encrypted. */
export interface StoredCredential {
  ciphertext: string
  /** The key that it is encrypted with. */
  keyId: string
}

/** What people may, as their forge last said. */
export interface Memberships {
  /** By our ids, of what is known here, and when the forge was last asked; null: never. */
  grants(accountId: string): Promise<{ grants: Grants; askedAt: number } | null>
  /** In place of what was there, and what the forge calls the person now. */
  replace(accountId: string, answer: { person: Person; rights: ForgeRights }, now: number): Promise<void>
  credential(accountId: string): Promise<StoredCredential | null>
  setCredential(accountId: string, credential: StoredCredential): Promise<void>
  /** Some of those that are encrypted with another key than this one. */
  encryptedOtherwise(keyId: string, limit: number): Promise<(StoredCredential & { accountId: string })[]>
  /** The same credential under another key. Does nothing when it is not encrypted as it was any more. */
  reencrypt(accountId: string, before: string, after: StoredCredential): Promise<void>
  /** True for one process at a time, until then or until `replace` or `forget`: a refresh token is good once. */
  claim(accountId: string, until: number, now: number): Promise<boolean>
  /** Gives the claim back. */
  release(accountId: string): Promise<void>
  /** The forge takes the credential no more: it and all rights are forgotten, and every session of the account ends. */
  forget(accountId: string): Promise<void>
}
