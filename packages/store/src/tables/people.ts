import type { Right, TokenScope } from '@slipway/domain'
import type { Selectable } from 'kysely'
import type { Flag } from './flag.ts'

export interface PeopleTables {
  accounts: AccountsTable
  sessions: SessionsTable
  tickets: TicketsTable
  memberships: MembershipsTable
  tokens: TokensTable
}

export interface AccountsTable {
  id: string
  forge_id: string
  forge_user_id: string
  login: string
  name: string | null
  /** Of former versions. */
  avatar_url: string | null
  is_administrator: Flag
  created_at: number
  signed_in_at: number
  /** When the forge last said what the account may; null: never, or it takes the credential no more. */
  asked_at: number | null
  /** A process is asking. */
  asking_until: number | null
  credential: string | null
  credential_key_id: string | null
}

export interface SessionsTable {
  id: string
  token_hash: string
  account_id: string | null
  created_at: number
  idle_until: number
  expires_at: number
}

export interface TicketsTable {
  kind: string
  hash: string
  data: string
  expires_at: number
}

/** What an account's forge says that it may, by the forge's ids. */
export interface MembershipsTable {
  account_id: string
  /** `slug`: an owner by its name here. */
  scope: 'owner' | 'repository' | 'slug'
  forge_object_id: string
  granted: Right
}

export interface TokensTable {
  id: string
  /** SHA-256 of the token, which is 32 random bytes: nothing slower is needed. */
  hash: string
  owner_id: string
  name: string
  scope: TokenScope
  account_id: string | null
  parent_id: string | null
  created_by: string
  created_at: number
  expires_at: number
  last_used_at: number | null
}

export type AccountRow = Selectable<AccountsTable>
export type SessionRow = Selectable<SessionsTable>
export type TokenRow = Selectable<TokensTable>
