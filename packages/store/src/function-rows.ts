import type { FunctionRecord } from '@slipway/domain'
import type { FunctionRow } from './schema.ts'

export function toFunctionRecord(row: FunctionRow): FunctionRecord {
  return {
    ownerId: row.owner_id,
    ownerSlug: row.owner_slug,
    name: row.name,
    clusterName: row.cluster_name,
    repositoryId: row.repository_id,
    liveDeploymentId: row.live_deployment_id,
    generation: row.generation,
    isPaused: row.is_paused === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at
  }
}
