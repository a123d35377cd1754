/** What somebody may do with an owner or one of its repositories; each holds those before it. */
export type Right = 'read' | 'write' | 'admin'

/** What an API token was made for. */
export type TokenScope = 'read' | 'deploy' | 'admin'

const order: readonly Right[] = ['read', 'write', 'admin']
const rightOfScope = { read: 'read', deploy: 'write', admin: 'admin' } as const satisfies Record<TokenScope, Right>

/** Who asks. The audit log has `auditName`: a name alone does not say whose kind it is of. */
export type Actor =
  | { kind: 'nobody'; name: string }
  /** By the installation's own token. */
  | { kind: 'administrator'; name: string }
  | { kind: 'account'; name: string; accountId: string; forgeId: string; isAdministrator: boolean }
  /** `accountId`: who made it, whose rights it never exceeds; null: the administrator. */
  | { kind: 'token'; name: string; tokenId: string; ownerId: string; scope: TokenScope; accountId: string | null }

export const nobody: Actor = { kind: 'nobody', name: 'nobody' }

/**
 * How the audit log names an actor: with its kind, and an account with the forge that it is known at, so that nobody looks like
 * somebody else, whatever name an account or a token was given.
 */
export function auditName(actor: Actor): string {
  if (actor.kind !== 'account') return actor.name
  return accountAuditName(actor.name, actor.forgeId)
}

export function accountAuditName(login: string, forgeId: string): string {
  return `account ${login} (${forgeId})`
}

/** @param maker as `auditName` has it */
export function tokenAuditName(name: string, maker: string): string {
  return `token ${JSON.stringify(name)} of ${maker}`
}

/** What an account may, as its forge says; for a token what the account may that made it. */
export interface Grants {
  /** By owner's id; holds for all of its repositories. */
  owners: ReadonlyMap<string, Right>
  /** By repository's id. `ownerId`: whose it is now. */
  repositories: ReadonlyMap<string, { ownerId: string | null; right: Right }>
}

export const noGrants: Grants = { owners: new Map(), repositories: new Map() }

/** What is asked for. */
export type Resource =
  /** What is for everybody: health, documents, certificates, the door. */
  | { kind: 'public' }
  /** The installation. */
  | { kind: 'platform' }
  /** An account's own matters. */
  | { kind: 'account'; accountId: string }
  /** A list, of one owner or of all, which holds what `visibleTo` says. */
  | { kind: 'listing'; owner: { ownerId: string; hasPublicPages: boolean } | null }
  /** `hasPublicPages`: one of its repositories does. */
  | { kind: 'owner'; ownerId: string; hasPublicPages: boolean }
  /** A repository, its builds, its functions. `hasPublicPages` counts only while it is not private. */
  | {
      kind: 'repository'
      ownerId: string | null
      repositoryId: string
      isPrivate: boolean
      hasPublicPages: boolean
    }

/**
 * What an action takes. `nothing`: anybody may. `self`: it is one's own account. `glimpse`: any right on the owner or one of its
 * repositories, or public pages. A right: that right on the owner or the repository. `administrator`: the platform's.
 */
type Need = 'nothing' | 'self' | 'glimpse' | Right | 'administrator'

interface ActionRow {
  readonly needs: Need
  /** Strangers may, where pages are public. */
  readonly isOpen?: true
  /** A token needs this scope, where that is not the one of the right. */
  readonly scope?: TokenScope
}

/** Everything that can be asked for, each with what it takes. */
export const actions = {
  'see-public': { needs: 'nothing' },
  'sign-in': { needs: 'nothing' },
  /** A badge says one word, of what is public at its forge. */
  'see-badge': { needs: 'read', isOpen: true },

  'see-account': { needs: 'self' },
  'change-account': { needs: 'self', scope: 'admin' },

  'see-platform': { needs: 'administrator' },
  administer: { needs: 'administrator' },

  'see-owner': { needs: 'glimpse', isOpen: true },
  'see-repository': { needs: 'read', isOpen: true },
  'see-build': { needs: 'read', isOpen: true },
  'see-function': { needs: 'read', isOpen: true },
  'see-log': { needs: 'read', isOpen: true },
  'see-traffic': { needs: 'read', isOpen: true },
  'see-events': { needs: 'read' },
  'see-delivery': { needs: 'read' },
  'see-calls': { needs: 'read' },
  'see-usage': { needs: 'read' },
  'see-secrets': { needs: 'write' },
  'see-variables': { needs: 'admin' },
  'see-audit': { needs: 'admin' },

  build: { needs: 'write' },
  deploy: { needs: 'write' },
  'call-function': { needs: 'write' },

  'set-repository': { needs: 'admin' },
  'set-variables': { needs: 'admin' },
  'set-secrets': { needs: 'admin' },
  'set-access': { needs: 'admin' },
  'set-notifications': { needs: 'admin' },
  connect: { needs: 'admin' },
  remove: { needs: 'admin' },
  /** One's own tokens, or with `admin` all of the owner's. */
  'see-tokens': { needs: 'glimpse', scope: 'admin' },
  /** None with more than one has. */
  'set-tokens': { needs: 'glimpse', scope: 'admin' }
} as const satisfies Record<string, ActionRow>

export type Action = keyof typeof actions

/** `hidden`: it may not even be seen, answer as if it did not exist (404, or 401 to nobody). `refused`: 403. */
export type Verdict = 'allowed' | 'hidden' | 'refused'

/** True when the first is at least the second. */
export function includesRight(has: Right | null, wanted: Right): boolean {
  return has !== null && order.indexOf(has) >= order.indexOf(wanted)
}

function higher(a: Right | null, b: Right | null): Right | null {
  if (a === null || b === null) return a ?? b
  return includesRight(a, b) ? a : b
}

function lower(a: Right | null, b: Right | null): Right | null {
  if (a === null || b === null) return null
  return includesRight(a, b) ? b : a
}

export function isAdministrator(actor: Actor): boolean {
  return actor.kind === 'administrator' || (actor.kind === 'account' && actor.isAdministrator)
}

/** What an actor may do with everything of an owner. */
export function rightOnOwner(actor: Actor, grants: Grants, ownerId: string | null): Right | null {
  if (isAdministrator(actor)) return 'admin'
  if (actor.kind === 'nobody' || ownerId === null) return null
  const granted = grants.owners.get(ownerId) ?? null
  if (actor.kind === 'account') return granted
  if (actor.kind !== 'token' || actor.ownerId !== ownerId) return null
  return actor.accountId === null ? rightOfScope[actor.scope] : lower(rightOfScope[actor.scope], granted)
}

/** What an actor may do with a repository: what holds for all of its owner, or what it was given there, whichever is more. */
export function rightOnRepository(
  actor: Actor,
  grants: Grants,
  { ownerId, repositoryId }: { ownerId: string | null; repositoryId: string }
): Right | null {
  const ofOwner = rightOnOwner(actor, grants, ownerId)
  const granted = grants.repositories.get(repositoryId)?.right ?? null
  if (actor.kind === 'account') return higher(ofOwner, granted)
  if (actor.kind !== 'token' || actor.ownerId !== ownerId) return ofOwner
  return higher(ofOwner, lower(rightOfScope[actor.scope], granted))
}

/** The most that an actor may do with anything of an owner: what a token that it makes may be for. null: nothing. */
export function highestRight(actor: Actor, grants: Grants, ownerId: string): Right | null {
  let highest = rightOnOwner(actor, grants, ownerId)
  for (const [repositoryId, granted] of grants.repositories) {
    if (granted.ownerId !== ownerId) continue
    highest = higher(highest, rightOnRepository(actor, grants, { ownerId, repositoryId }))
  }
  return highest
}

/** May somebody who can do this make a token of that scope? */
export function includesScope(has: Right | null, scope: TokenScope): boolean {
  return includesRight(has, rightOfScope[scope])
}

/** Does any right on an owner or its repositories remain to an account? Without, the tokens that it made stop. */
export function hasGlimpse(grants: Grants, ownerId: string): boolean {
  return grants.owners.has(ownerId) || [...grants.repositories.values()].some((one) => one.ownerId === ownerId)
}

/** What is left of a token's actions when an action takes another scope than its right says. */
function isInScope(actor: Actor, { scope }: ActionRow): boolean {
  return actor.kind !== 'token' || scope === undefined || includesRight(rightOfScope[actor.scope], rightOfScope[scope])
}

/** May this be done? Whatever is not allowed by a row is denied. Pure: the same answer everywhere. */
export function authorize(actor: Actor, grants: Grants, action: Action, resource: Resource): Verdict {
  const row: ActionRow = actions[action]
  if (row.needs === 'nothing' || isAdministrator(actor)) return 'allowed'
  switch (resource.kind) {
    case 'public':
      return 'hidden'
    case 'platform':
      return actor.kind === 'nobody' ? 'hidden' : 'refused'
    case 'account':
      return authorizeAccount(actor, row, resource.accountId)
    case 'listing':
      return authorizeListing(actor, grants, row, resource.owner)
    case 'owner': {
      const { ownerId, hasPublicPages } = resource
      const right = rightOnOwner(actor, grants, ownerId)
      const isSeen = highestRight(actor, grants, ownerId) !== null
      // What concerns the whole owner tells of its private repositories, too.
      return decide(actor, row, {
        right,
        isSeen,
        isPublic: hasPublicPages,
        isOpen: hasPublicPages && row.needs === 'glimpse'
      })
    }
    case 'repository': {
      const right = rightOnRepository(actor, grants, resource)
      const hasPublicPages = !resource.isPrivate && resource.hasPublicPages
      const isOpen = hasPublicPages || (action === 'see-badge' && !resource.isPrivate)
      return decide(actor, row, { right, isSeen: right !== null, isPublic: hasPublicPages, isOpen })
    }
  }
}

function authorizeAccount(actor: Actor, row: ActionRow, accountId: string): Verdict {
  if (row.needs !== 'self' || !('accountId' in actor) || actor.accountId !== accountId) return 'hidden'
  return isInScope(actor, row) ? 'allowed' : 'refused'
}

function authorizeListing(
  actor: Actor,
  grants: Grants,
  row: ActionRow,
  owner: { ownerId: string; hasPublicPages: boolean } | null
): Verdict {
  if (owner !== null) {
    const right = highestRight(actor, grants, owner.ownerId)
    const isPublic = owner.hasPublicPages
    return decide(actor, row, { right, isSeen: right !== null, isPublic, isOpen: isPublic })
  }
  if (actor.kind === 'nobody' || row.needs === 'self') return 'hidden'
  return row.needs !== 'administrator' && isInScope(actor, row) ? 'allowed' : 'refused'
}

/**
 * @param about.isPublic strangers may see that there is such a thing: refusing something else about it tells nothing new.
 * @param about.isOpen strangers may do what the row leaves open.
 */
function decide(
  actor: Actor,
  row: ActionRow,
  { right, isSeen, isPublic, isOpen }: { right: Right | null; isSeen: boolean; isPublic: boolean; isOpen: boolean }
): Verdict {
  if (row.isOpen === true && isOpen) return 'allowed'
  const { needs } = row
  const has = needs === 'glimpse' ? isSeen : isRight(needs) && includesRight(right, needs)
  if (has && isInScope(actor, row)) return 'allowed'
  return isSeen || (isPublic && actor.kind !== 'nobody') ? 'refused' : 'hidden'
}

function isRight(needs: Need): needs is Right {
  return needs === 'read' || needs === 'write' || needs === 'admin'
}

/** What an action of a list may show, for the store's queries: nothing that is not named here. */
export interface Visible {
  /** Everything of these; null: of all owners. */
  ownerIds: readonly string[] | null
  /** And of these. */
  repositoryIds: readonly string[]
  /** And what has public pages. */
  isPublicIncluded: boolean
}

/** Whose things a list holds: one owner's, everybody's (null; the platform's own work), or of one or all those that somebody may see. */
export type Whose = string | null | (Visible & { ofOwnerId: string | null })

/** @param isPublicAsked the question names an owner or repository: public pages of strangers are not in everybody's lists. */
export function visibleTo(actor: Actor, grants: Grants, action: Action, isPublicAsked: boolean): Visible {
  const row: ActionRow = actions[action]
  const isPublicIncluded = isPublicAsked && row.isOpen === true
  const needed = isRight(row.needs) ? row.needs : 'read'
  if (isAdministrator(actor)) return { ownerIds: null, repositoryIds: [], isPublicIncluded }
  if (actor.kind === 'nobody' || actor.kind === 'administrator' || !isInScope(actor, row)) {
    return { ownerIds: [], repositoryIds: [], isPublicIncluded }
  }
  const owners = actor.kind === 'token' ? [actor.ownerId] : [...grants.owners.keys()]
  const ownerIds = owners.filter((id) => includesRight(rightOnOwner(actor, grants, id), needed))
  const repositoryIds = [...grants.repositories].flatMap(([repositoryId, { ownerId }]) =>
    includesRight(rightOnRepository(actor, grants, { ownerId, repositoryId }), needed) ? [repositoryId] : []
  )
  return { ownerIds, repositoryIds, isPublicIncluded }
}
