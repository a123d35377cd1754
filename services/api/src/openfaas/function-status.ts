import { type Deployment, type FunctionRecord, failureAnnotation, failureCodeAnnotation } from '@slipway/domain'
import type { FunctionStatus } from './shapes.ts'
import type { Underway } from './underway.ts'

export type Live = FunctionRecord & { deployment: Deployment }

/** What only some may see of a function. */
export interface Sight {
  hasVariables: boolean
  hasSecrets: boolean
}

export function statusOf(
  { name, ownerSlug, deployment }: Live,
  calls: number,
  { hasVariables, hasSecrets }: Sight
): FunctionStatus {
  const { image, spec, labels, annotations, replicas, endpoints, createdAt } = deployment
  return {
    name,
    namespace: ownerSlug,
    image: image.tag === '' ? `${image.repository}@${image.digest}` : `${image.repository}:${image.tag}`,
    ...(spec.fprocess === null ? {} : { envProcess: spec.fprocess }),
    ...(hasVariables ? { envVars: spec.environment } : {}),
    constraints: spec.constraints,
    ...(hasSecrets ? { secrets: spec.secrets } : {}),
    labels: { ...spec.notes?.labels, ...labels },
    annotations: { ...spec.notes?.annotations, ...annotations },
    limits: resourcesOf(spec.limits),
    requests: spec.requests === null ? null : resourcesOf(spec.requests),
    readOnlyRootFilesystem: spec.hasReadonlyRoot,
    invocationCount: calls,
    replicas,
    availableReplicas: endpoints.length,
    createdAt: new Date(createdAt).toISOString()
  }
}

/** Of one that has no live version: as it was asked for, with nothing there yet. */
export function statusOfUnderway(
  { build, request, failure }: Underway,
  namespace: string,
  { hasVariables, hasSecrets }: Sight
): FunctionStatus {
  const { service: name, image, envProcess, envVars, constraints, secrets, labels, annotations } = request
  return {
    name,
    namespace,
    image,
    ...(envProcess === undefined ? {} : { envProcess }),
    ...(hasVariables ? { envVars: envVars ?? {} } : {}),
    constraints: constraints ?? [],
    ...(hasSecrets ? { secrets: secrets ?? [] } : {}),
    labels: labels ?? {},
    annotations: { ...annotations, ...(failure === null ? {} : annotationsOf(failure)) },
    limits: request.limits ?? null,
    requests: request.requests ?? null,
    readOnlyRootFilesystem: request.readOnlyRootFilesystem ?? false,
    invocationCount: 0,
    replicas: Math.max(1, Number(labels?.['com.openfaas.scale.min']) || 1),
    availableReplicas: 0,
    createdAt: new Date(build.createdAt).toISOString()
  }
}

function annotationsOf({ words, code }: NonNullable<Underway['failure']>): Record<string, string> {
  return { [failureAnnotation]: words, ...(code === null ? {} : { [failureCodeAnnotation]: code }) }
}

function resourcesOf({ memoryBytes, cpuMillis }: { memoryBytes: number; cpuMillis: number }) {
  const mib = memoryBytes / 1024 ** 2
  return { memory: Number.isInteger(mib) ? `${mib}Mi` : String(memoryBytes), cpu: `${cpuMillis}m` }
}
