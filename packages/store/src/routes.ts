import type { Endpoint, FunctionAccess, FunctionKeys, Functions, KnownKey } from '@slipway/domain'
import { defaultRetryPolicy, retryPolicyOf } from '@slipway/domain/retry'
import { startsOnCall } from '@slipway/domain/scaling'

/** What gateways read, and all that they read: `keys` are of callers. */
export type Routes = Pick<Functions, 'routes' | 'routesVersion'> & {
  keys: FunctionKeys['known']
  /** Id of the installation; null before `deployer` has given it one. */
  installation(): Promise<string | null>
}

/** Asks one of the two questions below. Errors are Failures already. */
export type AskRoutes = <R>(sql: string) => Promise<R[]>

interface RouteRow {
  owner_id: string
  owner_slug: string
  function_name: string
  cluster_name: string
  id: string
  generation: number
  endpoints_json: string
  write_timeout_ms: number
  access: FunctionAccess
  limits_json: string | null
  default_limits: string | null
  /** null: it says nothing of when to try again. */
  retry_annotations_json: string | null
  /** null: it says nothing of having no replica. */
  zero_labels_json: string | null
}

interface KeyRow {
  hash: string
  owner_id: string
  is_own: number
  function_name: string | null
  expires_at: number | null
}

/** Plain SQL, the same on both databases: gateways ask it without the query builder, which would be a part of their process. */
export function createRoutes(ask: AskRoutes): Routes {
  return {
    async routes() {
      const rows = await ask<RouteRow>(
        `select live.owner_id, live.owner_slug, live.function_name, live.cluster_name, live.id, live.generation, live.endpoints_json, live.write_timeout_ms,
           coalesce(functions.access, repositories.access, owners.access, 'public') as access,
           owners.limits_json, (select value from settings where key = 'limits') as default_limits,
           case when live.annotations_json like '%com.openfaas.retry.%' then live.annotations_json end as retry_annotations_json,
           case when live.labels_json like '%com.openfaas.scale.zero%' then live.labels_json end as zero_labels_json
           from functions join deployments as live on live.id = functions.live_deployment_id
             join owners on owners.id = functions.owner_id
             left join repositories on repositories.id = functions.repository_id`
      )
      return rows.map((row) => ({
        ownerId: row.owner_id,
        ownerSlug: row.owner_slug,
        functionName: row.function_name,
        clusterName: row.cluster_name,
        deploymentId: row.id,
        generation: row.generation,
        endpoints: JSON.parse(row.endpoints_json) as Endpoint[],
        writeTimeoutMs: row.write_timeout_ms,
        access: row.access,
        callsPerSecond: callsPerSecondOf(row),
        retry: retryOf(row.retry_annotations_json),
        startsOnCall: row.zero_labels_json !== null && startsOnCall(labelsOf(row.zero_labels_json))
      }))
    },
    async keys() {
      const rows = await ask<KeyRow>('select hash, owner_id, is_own, function_name, expires_at from function_keys')
      return rows.map(
        (row): KnownKey => ({
          hash: row.hash,
          ownerId: row.owner_id,
          isOwn: row.is_own === 1,
          functionName: row.function_name,
          expiresAt: row.expires_at
        })
      )
    },
    async routesVersion() {
      const [row] = await ask<{ value: number }>(`select value from counters where name = 'routes'`)
      return row?.value ?? 0
    },
    async installation() {
      const [row] = await ask<{ value: string }>(`select value from settings where key = 'installation'`)
      return row?.value ?? null
    }
  }
}

type Limit = { 'calls-per-second'?: number | null }

/** As `limitsFor` of the domain, of one limit: an owner's own goes over the default, also where it is none. */
function callsPerSecondOf({ limits_json: own, default_limits: all }: RouteRow): number | null {
  const parse = (json: string | null) => (json === null ? {} : (JSON.parse(json) as Limit))
  return { ...parse(all), ...parse(own) }['calls-per-second'] ?? null
}

const labelsOf = (json: string) => JSON.parse(json) as Record<string, string>

function retryOf(annotations: string | null) {
  return annotations === null ? defaultRetryPolicy : retryPolicyOf(labelsOf(annotations))
}
