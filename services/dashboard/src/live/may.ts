import type { MeView, RouteName, Rule } from '@slipway/client'
import { type Actor, authorize, type Grants, type Resource, type Right } from '@slipway/domain/rights'

/** What a call would be about: an owner's slug, and where it is one repository's matter that one's id. */
export interface About {
  owner: string | null
  repositoryId?: string | null
}

export type May = (route: RouteName, about?: About) => boolean

/**
 * Would the server let this call through? The same rules say it, over what `/api/v1/me` tells of one's rights; what strangers may see of
 * public pages counts for no. The server's word is the last one.
 */
export function createMay(me: MeView, ruleOf: (route: RouteName) => Rule): May {
  const { name, isAdministrator } = me
  const actor: Actor = { kind: 'account', name, accountId: 'me', forgeId: '', isAdministrator }
  // The page knows owners by their slugs: here these are their ids.
  const grants: Grants = {
    owners: new Map(
      me.owners.flatMap(({ slug, rightOnAll }) => (rightOnAll === null ? [] : [[slug, rightOnAll] as const]))
    ),
    repositories: new Map(me.repositories.map(({ id, owner: ownerId, right }) => [id, { ownerId, right }]))
  }
  return (route, about = { owner: null }) => {
    const { action, on } = ruleOf(route)
    return authorize(actor, grants, action, resourceOf(on, about)) === 'allowed'
  }
}

function resourceOf(on: Rule['on'], { owner: ownerId, repositoryId = null }: About): Resource {
  if (on === 'public' || on === 'platform') return { kind: on }
  if (on === 'self') return { kind: 'account', accountId: 'me' }
  if (repositoryId !== null) {
    return { kind: 'repository', ownerId, repositoryId, isPrivate: true, hasPublicPages: false }
  }
  if (on === 'listing') return { kind: 'listing', owner: ownerId === null ? null : { ownerId, hasPublicPages: false } }
  return { kind: 'owner', ownerId: ownerId ?? '', hasPublicPages: false }
}

/** The most that one may do with anything of an owner; null: no more than strangers. */
export function rightOf({ isAdministrator, owners }: MeView, owner: string): Right | null {
  return isAdministrator ? 'admin' : (owners.find(({ slug }) => slug === owner)?.right ?? null)
}
