import { BuildPolicy } from '@slipway/domain'
import Type from 'typebox'
import { Listed, owner, page } from './listing.ts'
import { DeliveryView, RepositoryView } from './resources.ts'
import type { RouteContract } from './route-contract.ts'

export const repositoryRoutes = {
  listRepositories: {
    method: 'GET',
    path: '/api/v1/repositories',
    rule: { action: 'see-repository', on: 'listing' },
    summary: 'Repositories',
    query: Type.Object({ ...page, ...owner }),
    response: Listed(RepositoryView)
  },
  updateRepository: {
    method: 'PATCH',
    path: '/api/v1/repositories/:id',
    rule: { action: 'set-repository', on: 'repository' },
    summary: "Change a repository's settings; null goes back to the default",
    body: Type.Object({
      branch: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()])),
      stackPath: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 512 }), Type.Null()])),
      isAtomic: Type.Optional(Type.Boolean()),
      policy: Type.Optional(BuildPolicy),
      isAutomatic: Type.Optional(
        Type.Boolean({
          description:
            'pushes are built and deployed by themselves; switched off, they are recorded as skipped until somebody asks for one (rebuild); switched on again, the head that was left out is queued'
        })
      ),
      hasPublicPages: Type.Optional(
        Type.Boolean({
          description: 'everybody may see builds, logs and functions while the repository is not private'
        })
      )
    }),
    response: RepositoryView
  },
  listDeliveries: {
    method: 'GET',
    path: '/api/v1/deliveries',
    rule: { action: 'see-delivery', on: 'listing' },
    summary: 'What forges delivered and what became of it: why was this push not deployed',
    query: Type.Object({
      ...page,
      ...owner,
      repository: Type.Optional(Type.String({ description: "a repository's id" }))
    }),
    response: Listed(DeliveryView)
  }
} as const satisfies Record<string, RouteContract>
