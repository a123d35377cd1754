import type { Whose } from '@slipway/domain'
import { type RawBuilder, sql } from 'kysely'

type Condition = RawBuilder<boolean>

const publicPages = sql<boolean>`has_public_pages = 1 and is_private = 0`

function isIn(column: string, ids: readonly string[]): Condition {
  return ids.length === 0 ? sql<boolean>`1 = 0` : sql<boolean>`${sql.ref(column)} in (${sql.join(ids)})`
}

/** Is this what was asked for? null: everything is. */
function isAsked(whose: Whose, ownerColumn: string): Condition | null {
  const ownerId = whose === null || typeof whose === 'string' ? whose : whose.ofOwnerId
  return ownerId === null ? null : isIn(ownerColumn, [ownerId])
}

function allOf(conditions: (Condition | null)[]): Condition {
  const those = conditions.filter((one) => one !== null)
  return those.length === 0 ? sql<boolean>`1 = 1` : sql<boolean>`(${sql.join(those, sql` and `)})`
}

/** The repositories that may be seen, as a condition on their columns; null: all. */
function seenRepositories(whose: Whose): Condition | null {
  if (whose === null || typeof whose === 'string' || whose.ownerIds === null) return null
  const { ownerIds, repositoryIds, isPublicIncluded } = whose
  const among = [isIn('repositories.owner_id', ownerIds), isIn('repositories.id', repositoryIds)]
  if (isPublicIncluded) among.push(publicPages)
  return sql<boolean>`(${sql.join(among, sql` or `)})`
}

/** For the table `repositories` itself. */
export function visibleRepositories(whose: Whose): Condition {
  return allOf([isAsked(whose, 'repositories.owner_id'), seenRepositories(whose)])
}

/**
 * What may be seen follows from the repository as it is now: whoever had it before it was moved, or while it was public, sees it no more.
 *
 * @param columns of the row's owner and repository
 */
export function visibleByRepository(whose: Whose, columns: { ownerId: string; repositoryId: string }): Condition {
  const seen = seenRepositories(whose)
  const { ownerId, repositoryId } = columns
  return allOf([
    isAsked(whose, ownerId),
    seen === null ? null : sql<boolean>`${sql.ref(repositoryId)} in (select id from repositories where ${seen})`
  ])
}

/** For functions, of which those without a repository are their owner's alone. */
export function visibleFunctions(whose: Whose): Condition {
  const columns = { ownerId: 'functions.owner_id', repositoryId: 'functions.repository_id' }
  const ofRepositories = visibleByRepository(whose, columns)
  if (whose === null || typeof whose === 'string' || whose.ownerIds === null) return ofRepositories
  const owned = sql<boolean>`(functions.repository_id is null and ${isIn('functions.owner_id', whose.ownerIds)})`
  return sql<boolean>`(${ofRepositories} or ${allOf([isAsked(whose, 'functions.owner_id'), owned])})`
}

/** For what belongs to an owner as a whole. */
export function visibleByOwner(whose: Whose, ownerColumn: string): Condition {
  const isLimited = whose !== null && typeof whose === 'object' && whose.ownerIds !== null
  return allOf([isAsked(whose, ownerColumn), isLimited ? isIn(ownerColumn, whose.ownerIds ?? []) : null])
}

/** For owners, who are seen with any of their repositories. */
export function visibleOwners(whose: Whose): Condition {
  const seen = seenRepositories(whose)
  if (seen === null || whose === null || typeof whose === 'string') return visibleByOwner(whose, 'owners.id')
  const byRepository = sql<boolean>`owners.id in (select owner_id from repositories where ${seen})`
  const among = sql<boolean>`(${isIn('owners.id', whose.ownerIds ?? [])} or ${byRepository})`
  return allOf([isAsked(whose, 'owners.id'), among])
}
