import type { Store } from '@slipway/domain'
import type { FastifyInstance } from 'fastify'
import type { Handlers, Lookups } from '../handling.ts'
import { type AlertsDeps, createTakeAlerts } from './alerts.ts'
import { functionRoutes } from './function-routes.ts'
import { createFunctions, type FunctionsDeps } from './functions.ts'
import { type LogRouteDeps, logRoute } from './log-route.ts'
import { namespaceRoutes } from './namespace-routes.ts'
import { createNamespaces } from './namespaces.ts'
import { type OpenFaasRoute, optionsOf, type RouteDeps } from './route.ts'
import { secretRoutes } from './secret-routes.ts'
import { createSecrets } from './secrets.ts'
import { Info } from './shapes.ts'

export interface OpenFaasDeps
  extends Omit<FunctionsDeps, 'store' | 'handlers' | 'namespaces' | 'note'>,
    Pick<AlertsDeps, 'findResource'>,
    Omit<RouteDeps, 'namespaces'> {
  store: Store
  internal: AlertsDeps['internal'] & LogRouteDeps['internal']
  handlers: Pick<
    Handlers,
    'removeFunction' | 'scaleFunction' | 'cancelBuild' | 'putSecret' | 'removeSecret' | 'addOwner' | 'removeOwner'
  >
  lookups: Lookups
  /** Slipway's version. */
  release: string
}

/**
 * OpenFaaS' REST API, so that faas-cli and what else speaks it works unchanged. A namespace is an owner, a function's name has no prefix.
 * Where faas-cli and OpenFaaS' own document differ, faas-cli is followed.
 */
export function addOpenFaasRoutes(app: FastifyInstance, deps: OpenFaasDeps): void {
  const { store, handlers, lookups, internal } = deps
  const namespaces = createNamespaces(store)
  const functions = createFunctions({ ...deps, namespaces, note: lookups.note })
  const takeAlerts = createTakeAlerts({ ...deps, namespaces, note: lookups.note })
  const routes = [
    ...functionRoutes({ store, functions, takeAlerts, lookups }),
    ...secretRoutes(createSecrets({ store, namespaces, handlers })),
    ...namespaceRoutes({ store, namespaces, lookups, handlers }),
    logRoute({ internal, functions }),
    infoRoute(deps.release)
  ]
  for (const route of routes) app.route(optionsOf(route, { ...deps, namespaces }))
}

function infoRoute(release: string): OpenFaasRoute {
  // faas-cli shows both of each.
  const version = { release, sha: release }
  return {
    method: 'GET',
    url: '/system/info',
    summary: 'What answers here',
    action: 'see-owner',
    on: 'everything',
    response: Info,
    async answer({ request }) {
      const provider = { provider: 'slipway', orchestration: 'slipway', version }
      if (userOf(request.headers.authorization ?? '') === providerUser) return provider
      return { provider, version, arch: process.arch === 'x64' ? 'x86_64' : process.arch }
    }
  }
}

/** A gateway of OpenFaaS' asks its provider at the same path as people ask a gateway, and reads another form: it says who it is. */
const providerUser = 'faas-provider'

function userOf(authorization: string): string | undefined {
  const [, encoded] = /^Basic (.+)$/i.exec(authorization) ?? []
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString().split(':')[0]
}
