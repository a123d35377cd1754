import { BuildIsolation, BuildPolicy, BuildStatus } from '@slipway/domain'
import Type, { type Static, type TObject, type TSchema } from 'typebox'
import { accessRoutes } from './access-routes.ts'
import { callRoutes } from './call-routes.ts'
import { forgeRoutes } from './forge-routes.ts'
import { healthRoutes } from './health-routes.ts'
import { limitRoutes } from './limit-routes.ts'
import { notificationRoutes } from './notification-routes.ts'
import { peopleRoutes } from './people.ts'
import { queueRoutes } from './queue-routes.ts'
import {
  AuditView,
  BuildDetail,
  BuildView,
  CleanUpView,
  ComparisonView,
  DeliveryView,
  DeploymentView,
  EnvironmentView,
  FunctionView,
  OwnerView,
  RepositoryView,
  RunningView,
  SealingKeyView,
  SecretView,
  VariableView
} from './resources.ts'
import type { Rule } from './rule.ts'
import { terminalRoutes } from './terminal-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { trafficRoutes } from './traffic-routes.ts'
import { tryRoutes } from './try-routes.ts'

/** One call of the status API. `api` serves exactly these, and the typed client calls exactly these. */
export interface RouteContract {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With `:name` for parameters. */
  path: string
  summary: string
  rule: Rule
  query?: TObject
  body?: TObject
  /** Where it is not the usual megabyte. */
  bodyLimitBytes?: number
  response: TSchema
}

const Limit = Type.Integer({ minimum: 1, maximum: 200, default: 50 })
/** An id: only what is older is listed. The answer's `next` goes here. */
const page = { before: Type.Optional(Type.String()), limit: Type.Optional(Limit) }
const Listed = <T extends TSchema>(items: T) =>
  Type.Object({ items: Type.Array(items), next: Type.Union([Type.String(), Type.Null()]) })
const owner = { owner: Type.Optional(Type.String({ description: "an owner's slug" })) }
// Two types of one schema: of a union the checker would turn null into 0.
const Replicas = Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, maximum: 100 })
const Done = Type.Object({ message: Type.String() })

export const routes = {
  ...tokenRoutes,
  ...terminalRoutes,
  ...peopleRoutes,
  ...queueRoutes,
  ...callRoutes,
  ...healthRoutes,
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
  },
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
  },
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
  },
  listSecrets: {
    method: 'GET',
    path: '/api/v1/secrets/:owner',
    rule: { action: 'see-secrets', on: 'owner' },
    summary: "An owner's secrets: names and keys, never values",
    response: Type.Object({ items: Type.Array(SecretView) })
  },
  putSecret: {
    method: 'PUT',
    path: '/api/v1/secrets/:owner/:name',
    rule: { action: 'set-secrets', on: 'owner' },
    summary:
      'Make a secret, or replace all of its values; each key is a file in the functions that list the secret, which are deployed again',
    body: Type.Object({
      values: Type.Record(Type.String(), Type.String()),
      encoding: Type.Optional(Type.Enum(['text', 'base64']))
    }),
    bodyLimitBytes: 4 * 1024 * 1024,
    response: Type.Object({
      secret: SecretView,
      /** False: it had these values already. */
      isChanged: Type.Boolean(),
      /** Ids of the builds that deploy its functions again. */
      redeploys: Type.Array(Type.String())
    })
  },
  removeSecret: {
    method: 'DELETE',
    path: '/api/v1/secrets/:owner/:name',
    rule: { action: 'set-secrets', on: 'owner' },
    summary: 'Remove a secret that no function uses',
    response: Done
  },
  listSealingKeys: {
    method: 'GET',
    path: '/api/v1/sealing-keys',
    rule: { action: 'see-platform', on: 'platform' },
    summary: 'Keys that open sealed secrets',
    response: Type.Object({ items: Type.Array(SealingKeyView) })
  },
  importSealingKeys: {
    method: 'POST',
    path: '/api/v1/sealing-keys',
    rule: { action: 'administer', on: 'platform' },
    summary:
      'Bring private keys of another installation or of a sealed-secrets controller, as PEM or as kubectl prints them',
    body: Type.Object({ keys: Type.String({ minLength: 1 }) }),
    response: Type.Object({ message: Type.String(), fingerprints: Type.Array(Type.String()) })
  },
  rotateSealingKey: {
    method: 'POST',
    path: '/api/v1/sealing-keys/rotation',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Seal with a new key from now on',
    response: Done
  },
  rotateEncryptionKey: {
    method: 'POST',
    path: '/api/v1/encryption-key/rotation',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Encrypt everything at rest with a new key',
    response: Done
  },
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
  },
  cleanUp: {
    method: 'POST',
    path: '/api/v1/admin/clean-up',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Take away now what is not kept: logs, builds, images, mirrors and what dead workers left',
    response: CleanUpView
  },
  ...tryRoutes,
  ...trafficRoutes,
  ...accessRoutes,
  ...limitRoutes,
  ...forgeRoutes,
  ...notificationRoutes
} as const satisfies Record<string, RouteContract>

export type RouteName = keyof typeof routes

/** The names of the parameters in a path. */
type ParamsOf<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamsOf<`/${Rest}`>
  : P extends `${string}:${infer Name}`
    ? Name
    : never

/** What a caller gives a route: parameters, query and body as the contract says. */
export type RouteInput<N extends RouteName> = Record<ParamsOf<(typeof routes)[N]['path']>, string> &
  ((typeof routes)[N] extends { query: infer Q extends TObject } ? Static<Q> : unknown) &
  ((typeof routes)[N] extends { body: infer B extends TObject } ? Static<B> : unknown)

export type RouteOutput<N extends RouteName> = Static<(typeof routes)[N]['response']>
