import { BuildStatus } from '@slipway/domain'
import Type from 'typebox'
import { Listed, owner, page } from './listing.ts'
import { BuildDetail, BuildView } from './resources.ts'
import type { RouteContract } from './route-contract.ts'

export const buildRoutes = {
  listBuilds: {
    method: 'GET',
    path: '/api/v1/builds',
    rule: { action: 'see-build', on: 'listing' },
    summary: 'Builds, newest first',
    query: Type.Object({
      ...page,
      ...owner,
      repository: Type.Optional(Type.String({ description: "a repository's id" })),
      branch: Type.Optional(Type.String()),
      commit: Type.Optional(Type.String()),
      status: Type.Optional(BuildStatus)
    }),
    response: Listed(BuildView)
  },
  getBuild: {
    method: 'GET',
    path: '/api/v1/builds/:id',
    rule: { action: 'see-build', on: 'build' },
    summary: 'One build with its functions and timings',
    response: BuildDetail
  },
  cancelBuild: {
    method: 'POST',
    path: '/api/v1/builds/:id/cancel',
    rule: { action: 'build', on: 'build' },
    summary: 'Stop a build',
    response: BuildView
  },
  rebuild: {
    method: 'POST',
    path: '/api/v1/builds/:id/rebuild',
    rule: { action: 'build', on: 'build' },
    summary: "Build a build's commit again",
    body: Type.Object({ noCache: Type.Optional(Type.Boolean()) }),
    response: BuildView
  }
} as const satisfies Record<string, RouteContract>
