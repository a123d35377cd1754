import { BuildIsolation } from '@slipway/domain'
import Type from 'typebox'
import { Done } from './done.ts'
import { Listed, page } from './listing.ts'
import { OwnerView } from './resources.ts'
import type { RouteContract } from './route-contract.ts'

export const ownerRoutes = {
  listOwners: {
    method: 'GET',
    path: '/api/v1/owners',
    rule: { action: 'see-owner', on: 'listing' },
    summary: 'Owners',
    query: Type.Object(page),
    response: Listed(OwnerView)
  },
  addOwner: {
    method: 'POST',
    path: '/api/v1/owners',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Make an owner without a forge, who deploys folders',
    body: Type.Object({ slug: Type.String() }),
    response: OwnerView
  },
  setOwnerSlug: {
    method: 'PUT',
    path: '/api/v1/owners/:id',
    rule: { action: 'administer', on: 'owner-id' },
    summary: 'Give an owner a name in this installation',
    body: Type.Object({ slug: Type.String() }),
    response: OwnerView
  },
  removeOwner: {
    method: 'DELETE',
    path: '/api/v1/owners/:id',
    rule: { action: 'administer', on: 'owner-id' },
    summary:
      'Remove an owner without a forge, of which nothing runs any more, with its tokens, secrets and variables; its name is free then',
    response: Done
  },
  setBuildIsolation: {
    method: 'PUT',
    path: '/api/v1/owners/:owner/build-isolation',
    rule: { action: 'administer', on: 'owner' },
    summary: "How an owner's builds are kept apart; null goes back to the installation's default",
    body: Type.Object({ isolation: Type.Union([BuildIsolation, Type.Null()]) }),
    response: OwnerView
  },
  setSuspension: {
    method: 'PUT',
    path: '/api/v1/owners/:owner/suspension',
    rule: { action: 'administer', on: 'owner' },
    summary:
      'Stop builds and deploys of an owner, whose functions go on answering, or let them go on. The reason is told to the owner',
    body: Type.Object({
      isSuspended: Type.Boolean(),
      reason: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }))
    }),
    response: OwnerView
  }
} as const satisfies Record<string, RouteContract>
