import { type Deployment, Failure, pinnedReference, type Resources } from '@slipway/domain'
import { isLabelValue, labels } from '../labels.ts'
import { usualRequests } from '../usual-requests.ts'
import type { FunctionRequest } from './gateway.ts'

/** How long a name of a function may be: it is a label of Kubernetes, too. */
const nameLimit = 63
const scale = 'com.openfaas.scale.'

export interface RequestPolicy {
  installation: string
  /** A secret of the gateway's with what the cluster pulls images by; null: none. */
  pullSecret: string | null
}

/** `<owner>-<function>-<end of the deployment's id>`: a version is a function of its own, so that two of them can run side by side. */
export function functionName({ clusterName, id }: Pick<Deployment, 'clusterName' | 'id'>): string {
  const short = id
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(-12)
    .toLowerCase()
  return `${clusterName.slice(0, nameLimit - 1 - short.length).replace(/-+$/, '')}-${short}`
}

/**
 * Nothing tells what the machines behind a gateway are, or whether it heeds what it is asked for: only what holds wherever
 * OpenFaaS runs is taken.
 *
 * @throws Failure `unsupported` naming the constraint
 */
export function assertPlaceable(constraints: readonly string[]): void {
  const unknown = constraints.find((text) => !/^\s*node\.platform\.os\s*={1,2}\s*linux\s*$/.test(text))
  if (unknown === undefined) return
  throw new Failure(
    'unsupported',
    `the constraint ${JSON.stringify(unknown)} cannot be had: an OpenFaaS gateway does not tell whether one holds, and most ignore them`
  )
}

/** What Slipway does with a function the gateway is not told, or both would do it: how many replicas there are, calls on time. */
function isOurs(name: string, value: string): boolean {
  return name.startsWith(scale) || name === 'schedule' || (name === 'topic' && value === 'cron-function')
}

/** What was asked of scaling, and the gateway is not told. */
export function untoldLabels({ spec }: Pick<Deployment, 'spec'>): string[] {
  const told = new Set([`${scale}min`, `${scale}max`])
  return Object.keys({ ...spec.annotations, ...spec.labels }).filter(
    (name) => name.startsWith(scale) && !told.has(name)
  )
}

/**
 * Everything that a function is asked for with, field by field.
 *
 * @param secrets names of the gateway's, for the function's files
 */
export function requestOf(
  deployment: Deployment,
  count: number,
  where: { namespace: string | null; secrets: readonly string[] },
  { installation, pullSecret }: RequestPolicy
): FunctionRequest {
  const { spec, image } = deployment
  const { namespace, secrets } = where
  const told = Object.entries({ ...deployment.annotations, ...deployment.labels })
  const passed = told.filter(([name, value]) => !isOurs(name, value) && isLabelValue(value))
  return {
    service: functionName(deployment),
    image: pinnedReference(image),
    ...(namespace === null ? {} : { namespace }),
    ...(spec.fprocess === null ? {} : { envProcess: spec.fprocess }),
    envVars: spec.environment,
    secrets: [...secrets, ...(pullSecret === null ? [] : [pullSecret])],
    labels: {
      ...Object.fromEntries(passed),
      // Slipway's scaler decides. Some gateways begin with the least.
      [`${scale}min`]: String(count),
      [`${scale}max`]: String(Math.max(count, spec.replicas.max)),
      [labels.installation]: installation,
      [labels.deployment]: deployment.id,
      [labels.owner]: deployment.ownerSlug,
      [labels.clusterName]: deployment.clusterName
    },
    // What no label may hold is told here.
    annotations: {
      ...Object.fromEntries(told.filter(([name, value]) => !isOurs(name, value))),
      ...readinessOf(deployment)
    },
    limits: quantities(spec.limits),
    requests: quantities(spec.requests ?? usualRequests(spec.limits)),
    readOnlyRootFilesystem: spec.hasReadonlyRoot
  }
}

/** For gateways that ask a function themselves whether it is ready. */
function readinessOf({ spec: { readiness } }: Deployment): Record<string, string> {
  const seconds = (ms: number) => `${Math.max(1, Math.ceil(ms / 1000))}s`
  return {
    'com.openfaas.ready.http.path': readiness.path,
    ...(readiness.initialDelayMs > 0
      ? { 'com.openfaas.ready.http.initialDelay': seconds(readiness.initialDelayMs) }
      : {}),
    'com.openfaas.ready.http.periodSeconds': String(Math.max(1, Math.ceil(readiness.periodMs / 1000)))
  }
}

function quantities({ memoryBytes, cpuMillis }: Resources): { memory: string; cpu: string } {
  return { memory: String(memoryBytes), cpu: `${cpuMillis}m` }
}
