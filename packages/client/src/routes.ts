import type { Static, TObject } from 'typebox'
import { accessRoutes } from './access-routes.ts'
import { buildRoutes } from './build-routes.ts'
import { callRoutes } from './call-routes.ts'
import { forgeRoutes } from './forge-routes.ts'
import { functionRoutes } from './function-routes.ts'
import { healthRoutes } from './health-routes.ts'
import { installationRoutes } from './installation-routes.ts'
import { limitRoutes } from './limit-routes.ts'
import { notificationRoutes } from './notification-routes.ts'
import { ownerRoutes } from './owner-routes.ts'
import { peopleRoutes } from './people.ts'
import { queueRoutes } from './queue-routes.ts'
import { repositoryRoutes } from './repository-routes.ts'
import type { RouteContract } from './route-contract.ts'
import { secretRoutes } from './secret-routes.ts'
import { terminalRoutes } from './terminal-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { trafficRoutes } from './traffic-routes.ts'
import { tryRoutes } from './try-routes.ts'
import { variableRoutes } from './variable-routes.ts'

export type { RouteContract }

/** All of them: `api` serves exactly these, and the typed client calls exactly these. */
export const routes = {
  ...tokenRoutes,
  ...terminalRoutes,
  ...peopleRoutes,
  ...queueRoutes,
  ...callRoutes,
  ...healthRoutes,
  ...ownerRoutes,
  ...repositoryRoutes,
  ...buildRoutes,
  ...functionRoutes,
  ...variableRoutes,
  ...secretRoutes,
  ...installationRoutes,
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
