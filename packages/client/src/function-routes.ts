import Type from 'typebox'
import { Done } from './done.ts'
import { Listed, owner, page } from './listing.ts'
import { BuildView, ComparisonView, DeploymentView, FunctionView } from './resources.ts'
import type { RouteContract } from './route-contract.ts'

// Two types of one schema: of a union the checker would turn null into 0.
const Replicas = Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, maximum: 100 })

export const functionRoutes = {
  listFunctions: {
    method: 'GET',
    path: '/api/v1/functions',
    rule: { action: 'see-function', on: 'listing' },
    summary: 'Functions and what is live',
    query: Type.Object({ ...page, ...owner, repository: Type.Optional(Type.String()) }),
    response: Listed(FunctionView)
  },
  getFunction: {
    method: 'GET',
    path: '/api/v1/functions/:owner/:name',
    rule: { action: 'see-function', on: 'function' },
    summary: 'One function',
    response: FunctionView
  },
  listDeployments: {
    method: 'GET',
    path: '/api/v1/functions/:owner/:name/deployments',
    rule: { action: 'see-function', on: 'function' },
    summary: "A function's deployments, newest first; of one commit those that were live with it, unchanged ones too",
    query: Type.Object({ ...page, commit: Type.Optional(Type.String({ pattern: '^[0-9a-f]{4,64}$' })) }),
    response: Listed(DeploymentView)
  },
  compareDeployments: {
    method: 'GET',
    path: '/api/v1/functions/:owner/:name/comparison',
    summary:
      'What differs between two deployments of a function, by default the one before and the live one: commit, image and configuration',
    rule: { action: 'see-function', on: 'function' },
    query: Type.Object({ from: Type.Optional(Type.String()), to: Type.Optional(Type.String()) }),
    response: ComparisonView
  },
  rollback: {
    method: 'POST',
    path: '/api/v1/functions/:owner/:name/rollback',
    rule: { action: 'deploy', on: 'function' },
    summary:
      'Make an earlier deployment live again, by default the one before; pushes do not deploy the function until it is resumed',
    body: Type.Object({ deploymentId: Type.Optional(Type.String()) }),
    response: BuildView
  },
  pauseFunction: {
    method: 'POST',
    path: '/api/v1/functions/:owner/:name/pause',
    rule: { action: 'deploy', on: 'function' },
    summary: 'Pushes do not deploy the function any more',
    response: FunctionView
  },
  resumeFunction: {
    method: 'POST',
    path: '/api/v1/functions/:owner/:name/resume',
    rule: { action: 'deploy', on: 'function' },
    summary: 'Pushes deploy the function again; the head, or the configuration, that it missed is deployed at once',
    response: Type.Object({ function: FunctionView, build: Type.Union([BuildView, Type.Null()]) })
  },
  redeployFunction: {
    method: 'POST',
    path: '/api/v1/functions/:owner/:name/redeploy',
    rule: { action: 'deploy', on: 'function' },
    summary: 'Deploy the live image anew with the variables and secrets of now, without a build',
    response: BuildView
  },
  scaleFunction: {
    method: 'POST',
    path: '/api/v1/functions/:owner/:name/scale',
    rule: { action: 'deploy', on: 'function' },
    summary: 'Set how many replicas run; null: as load and idleness say, from the fewest on',
    body: Type.Object({ replicas: Replicas }),
    response: FunctionView
  },
  removeFunction: {
    method: 'DELETE',
    path: '/api/v1/functions/:owner/:name',
    rule: { action: 'remove', on: 'function' },
    summary: 'Take a function out of service',
    response: Done
  },
  getDeployment: {
    method: 'GET',
    path: '/api/v1/deployments/:id',
    rule: { action: 'see-function', on: 'deployment' },
    summary: 'One deployment',
    response: DeploymentView
  }
} as const satisfies Record<string, RouteContract>
