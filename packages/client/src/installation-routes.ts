import Type from 'typebox'
import { Listed, owner, page } from './listing.ts'
import { AuditView, CleanUpView, RunningView } from './resources.ts'
import type { RouteContract } from './route-contract.ts'

export const installationRoutes = {
  listRunning: {
    method: 'GET',
    path: '/api/v1/running',
    rule: { action: 'see-platform', on: 'platform' },
    summary: 'What runs in the cluster, and what the store says of it: also what it does not know',
    response: Type.Object({ items: Type.Array(RunningView) })
  },
  listAudit: {
    method: 'GET',
    path: '/api/v1/audit',
    rule: { action: 'see-audit', on: 'listing' },
    summary: 'Who changed what, and who was refused what, newest first',
    query: Type.Object({
      ...page,
      ...owner,
      actor: Type.Optional(Type.String({ description: 'as the log names it' })),
      action: Type.Optional(Type.String())
    }),
    response: Listed(AuditView)
  },
  cleanUp: {
    method: 'POST',
    path: '/api/v1/admin/clean-up',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Take away now what is not kept: logs, builds, images, mirrors and what dead workers left',
    response: CleanUpView
  }
} as const satisfies Record<string, RouteContract>
