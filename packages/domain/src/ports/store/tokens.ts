import type { TokenScope } from '../../rights.ts'

/** An API token without what makes it one: that was shown once and is known here by its hash. */
export interface ApiToken {
  id: string
  ownerId: string
  /** What its maker calls it. */
  name: string
  scope: TokenScope
  /** Who made it, whose rights it never exceeds; null: the administrator. */
  accountId: string | null
  /** The token that it was made with, and goes with. */
  parentId: string | null
  /** Who made it, in words. */
  createdBy: string
  createdAt: number
  expiresAt: number
  /** To the minute. */
  lastUsedAt: number | null
}

export interface Tokens {
  /** Also forgets those of the owner that expired long ago. @throws Failure `limit-exceeded` for too many of one owner */
  create(token: Omit<ApiToken, 'id' | 'createdAt' | 'lastUsedAt'> & { hash: string }, now: number): Promise<ApiToken>
  /** null: unknown, revoked or expired. */
  find(hash: string, now: number): Promise<ApiToken | null>
  get(id: string): Promise<ApiToken | null>
  /** Newest first, expired ones too. `accountId`: those that it made; undefined: all. */
  list(ownerId: string, accountId?: string | null): Promise<ApiToken[]>
  /** Takes it away, and those that were made with it. @throws Failure `not-found` */
  revoke(id: string): Promise<void>
  /** When tokens were last used. What was revoked meanwhile is left out; a moment before the one that is known changes nothing. */
  use(uses: { id: string; at: number }[]): Promise<void>
}
