import { randomUUID } from 'node:crypto'
import type { Deployment, FunctionSpec } from '@slipway/domain'
import { type FunctionBehaviour, functionEnvironment } from './function-image.ts'
import { imageOf, specOf } from './seed.ts'

export interface DeploymentChange extends Partial<Omit<Deployment, 'spec'>> {
  spec?: Partial<FunctionSpec>
  /** What the function of `functionImage` shall do. */
  behaviour?: FunctionBehaviour
}

/** A deployment that is about to start: function `hello` of owner `alice` with one replica, and an id of its own. */
export function deploymentOf({ behaviour = {}, spec: specChange = {}, ...change }: DeploymentChange = {}): Deployment {
  const functionName = change.functionName ?? 'hello'
  const ownerSlug = change.ownerSlug ?? 'alice'
  const spec = specOf(functionName, specChange)
  return {
    id: randomUUID(),
    ownerId: `owner-${ownerSlug}`,
    ownerSlug,
    repositoryId: null,
    buildId: null,
    functionName,
    clusterName: `${ownerSlug}-${functionName}`,
    generation: 1,
    source: 'git',
    image: imageOf(functionName),
    secrets: [],
    spec: { ...spec, environment: { ...spec.environment, ...functionEnvironment(behaviour) } },
    declaredEnvironment: spec.environment,
    redeployOf: null,
    labels: {},
    annotations: {},
    commit: null,
    replicas: 1,
    isScaledByHand: false,
    status: 'starting',
    endpoints: [],
    reason: null,
    createdAt: 0,
    liveAt: null,
    endedAt: null,
    ...change
  }
}
