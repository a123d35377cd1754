import type { Deployment } from '@slipway/domain'
import type { Transaction } from './database.ts'
import type { DeploymentRow } from './schema.ts'

export function toDeployment(row: DeploymentRow): Deployment {
  const spec = JSON.parse(row.spec_json) as Deployment['spec']
  return {
    id: row.id,
    ownerId: row.owner_id,
    ownerSlug: row.owner_slug,
    repositoryId: row.repository_id,
    buildId: row.build_id,
    functionName: row.function_name,
    clusterName: row.cluster_name,
    generation: row.generation,
    source: row.source,
    image: JSON.parse(row.image_json) as Deployment['image'],
    spec,
    secrets: JSON.parse(row.secrets_json) as Deployment['secrets'],
    declaredEnvironment:
      row.declared_spec_json === null
        ? spec.environment
        : (JSON.parse(row.declared_spec_json) as Deployment['spec']).environment,
    redeployOf: row.redeploy_of,
    labels: JSON.parse(row.labels_json) as Deployment['labels'],
    annotations: JSON.parse(row.annotations_json) as Deployment['annotations'],
    commit: row.commit,
    replicas: row.replicas,
    isScaledByHand: row.is_scaled_by_hand === 1,
    status: row.status,
    endpoints: JSON.parse(row.endpoints_json) as Deployment['endpoints'],
    reason: row.reason,
    createdAt: row.created_at,
    liveAt: row.live_at,
    endedAt: row.ended_at
  }
}

/** A deployment that took the traffic takes no more. Returns it as it is then; nothing when it was not live. */
export async function drain(tx: Transaction, id: string | null): Promise<DeploymentRow[]> {
  if (id === null) return []
  return tx
    .updateTable('deployments')
    .set({ status: 'draining' })
    .where('id', '=', id)
    .where('status', '=', 'live')
    .returningAll()
    .execute()
}
