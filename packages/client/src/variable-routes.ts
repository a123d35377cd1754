import Type from 'typebox'
import { BuildView, EnvironmentView, VariableView } from './resources.ts'
import type { RouteContract } from './route-contract.ts'

export const variableRoutes = {
  getEnvironment: {
    method: 'GET',
    path: '/api/v1/functions/:owner/:name/environment',
    rule: { action: 'see-variables', on: 'function' },
    summary: "A function's values and where each comes from: function, repository, owner, stack.yml",
    response: EnvironmentView
  },
  listVariables: {
    method: 'GET',
    path: '/api/v1/owners/:owner/variables',
    rule: { action: 'see-variables', on: 'owner' },
    summary: 'Values outside git',
    response: Type.Object({ items: Type.Array(VariableView) })
  },
  changeVariables: {
    method: 'PATCH',
    path: '/api/v1/owners/:owner/variables',
    rule: { action: 'set-variables', on: 'scope' },
    summary:
      'Set and remove variables of an owner, one of its repositories (by id) or functions; what has another environment then is deployed again without a build',
    body: Type.Object({
      repository: Type.Optional(Type.String({ minLength: 1 })),
      function: Type.Optional(Type.String({ minLength: 1 })),
      use: Type.Enum(['runtime', 'build'], { default: 'runtime' }),
      set: Type.Optional(Type.Record(Type.String(), Type.String())),
      remove: Type.Optional(Type.Array(Type.String(), { maxItems: 200 }))
    }),
    response: Type.Object({ items: Type.Array(VariableView), builds: Type.Array(BuildView) })
  }
} as const satisfies Record<string, RouteContract>
