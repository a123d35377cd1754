import { createHash } from 'node:crypto'
import type { V1Container, V1Deployment, V1HostAlias, V1OwnerReference, V1PodSpec } from '@kubernetes/client-node'
import { type Deployment, functionPort, pinnedReference, secretsDirectory } from '@slipway/domain'
import { isLabelValue, labels } from '../labels.ts'
import { usualRequests } from '../usual-requests.ts'
import {
  accountName,
  type KubernetesPolicy,
  type Meta,
  namespaceName,
  type OwnedObject,
  pullSecretName
} from './owned-object.ts'
import { placementOf } from './placement.ts'

/** Who a function runs as. The cluster does not look into images: one that wants to be root is somebody else. */
const userId = 10_001
const tmpBytes = 64 * 1024 * 1024
export const containerName = 'function'

/** `<function>-<end of the deployment's id>`: 63 characters and less, as its pods' names need. */
export function objectName({ functionName, id }: Pick<Deployment, 'functionName' | 'id'>): string {
  const short = id
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(-12)
    .toLowerCase()
  return `${functionName.slice(0, 30).replace(/-+$/, '')}-${short}`
}

/** The files of a deployment's secrets, by name. `made` is its Deployment, which it goes with. */
export function secretOf(
  deployment: Deployment,
  policy: KubernetesPolicy,
  files: ReadonlyMap<string, Uint8Array>,
  made: V1Deployment
): OwnedObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { ...metaOf(deployment, policy), ownerReferences: [referenceTo(made)] },
    data: Object.fromEntries([...files].map(([name, content]) => [name, Buffer.from(content).toString('base64')]))
  }
}

export function disruptionBudgetOf(deployment: Deployment, policy: KubernetesPolicy, made: V1Deployment): OwnedObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { ...metaOf(deployment, policy), ownerReferences: [referenceTo(made)] },
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: { [labels.deployment]: deployment.id } },
      // A function that is never ready would keep its node from being drained for ever.
      unhealthyPodEvictionPolicy: 'AlwaysAllow'
    }
  }
}

function referenceTo({ metadata }: V1Deployment): V1OwnerReference {
  return { apiVersion: 'apps/v1', kind: 'Deployment', name: metadata?.name ?? '', uid: metadata?.uid ?? '' }
}

/**
 * What the owner's other functions call it by: `http://<function>.<namespace>:8080`, whatever version is live. It leads to every
 * version that is ready, so for the moments of a switch to both. `deployment` is who applied it last.
 */
export function serviceOf(deployment: Deployment, policy: KubernetesPolicy): OwnedObject {
  const meta = metaOf(deployment, policy)
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: serviceName(deployment.functionName),
      namespace: meta.namespace,
      labels: {
        [labels.installation]: policy.installation,
        [labels.owner]: deployment.ownerSlug,
        [labels.function]: deployment.functionName
      },
      annotations: { [labels.deployment]: deployment.id }
    },
    spec: {
      type: 'ClusterIP',
      selector: {
        [labels.installation]: policy.installation,
        [labels.function]: deployment.functionName
      },
      ports: [{ name: 'http', port: functionPort, targetPort: functionPort, protocol: 'TCP' }]
    }
  }
}

/** A service's name begins with a letter. */
export function serviceName(functionName: string): string {
  return /^[a-z]/.test(functionName) ? functionName : `f-${functionName}`
}

function metaOf(deployment: Deployment, { installation }: KubernetesPolicy): Meta {
  return {
    name: objectName(deployment),
    namespace: namespaceName(deployment.ownerSlug),
    labels: {
      [labels.installation]: installation,
      [labels.deployment]: deployment.id,
      [labels.owner]: deployment.ownerSlug,
      [labels.function]: deployment.functionName,
      [labels.clusterName]: labelValue(deployment.clusterName)
    }
  }
}

/** Everything that a function is allowed, field by field: nothing of a repository's names a field here. */
export function deploymentObject(
  deployment: Deployment,
  replicas: number,
  policy: KubernetesPolicy,
  { hasRegistries, hostAliases }: { hasRegistries: boolean; hostAliases: readonly V1HostAlias[] }
): V1Deployment {
  const meta = metaOf(deployment, policy)
  const told = Object.entries({ ...deployment.annotations, ...deployment.labels })
  // Others read labels of ours by their names; a value that no label may have is told as an annotation.
  const [asLabels, asAnnotations] = [told.filter(([, value]) => isLabelValue(value)), told]
  const podLabels = { ...Object.fromEntries(asLabels), ...meta.labels }
  const annotations = Object.fromEntries(asAnnotations)
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...meta, labels: podLabels, annotations },
    spec: {
      replicas,
      // One deployment is one version: there is nothing to go back to in it, and its pods only ever change by being replaced.
      revisionHistoryLimit: 0,
      selector: { matchLabels: { [labels.deployment]: deployment.id } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: podLabels, annotations: { ...annotations, ...policy.podAnnotations } },
        spec: podSpec(deployment, hasRegistries, hostAliases)
      }
    }
  }
}

function podSpec(deployment: Deployment, hasRegistries: boolean, hostAliases: readonly V1HostAlias[]): V1PodSpec {
  const { spec } = deployment
  const hasSecrets = deployment.secrets.length > 0
  return {
    serviceAccountName: accountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: Math.max(1, Math.ceil(spec.writeTimeoutMs / 1000)),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: userId,
      runAsGroup: userId,
      fsGroup: userId,
      seccompProfile: { type: 'RuntimeDefault' }
    },
    ...(hasRegistries ? { imagePullSecrets: [{ name: pullSecretName }] } : {}),
    ...(hostAliases.length === 0 ? {} : { hostAliases: [...hostAliases] }),
    ...placementOf(spec.constraints),
    containers: [container(deployment)],
    volumes: [
      { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: String(tmpBytes) } },
      ...(hasSecrets ? [{ name: 'secrets', secret: { secretName: objectName(deployment), defaultMode: 0o444 } }] : [])
    ]
  }
}

function container(deployment: Deployment): V1Container {
  const { spec, secrets } = deployment
  const { limits, requests, readiness, fprocess } = spec
  const quantities = ({ cpuMillis, memoryBytes }: typeof limits) => ({
    cpu: `${cpuMillis}m`,
    memory: String(memoryBytes)
  })
  return {
    name: containerName,
    image: pinnedReference(deployment.image),
    imagePullPolicy: 'IfNotPresent', // by digest there is only one
    env: Object.entries({ ...spec.environment, ...(fprocess === null ? {} : { fprocess }) }).map(([name, value]) => ({
      name,
      // `$(NAME)` would be replaced.
      value: value.replaceAll('$(', () => '$$(')
    })),
    ports: [{ containerPort: functionPort, protocol: 'TCP' }],
    resources: { limits: quantities(limits), requests: quantities(requests ?? usualRequests(limits)) },
    readinessProbe: {
      httpGet: { path: readiness.path, port: functionPort },
      initialDelaySeconds: Math.floor(readiness.initialDelayMs / 1000),
      periodSeconds: seconds(readiness.periodMs),
      timeoutSeconds: seconds(readiness.timeoutMs),
      successThreshold: readiness.successThreshold,
      failureThreshold: readiness.failureThreshold
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: spec.hasReadonlyRoot,
      capabilities: { drop: ['ALL'] }
    },
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      ...(secrets.length === 0 ? [] : [{ name: 'secrets', mountPath: secretsDirectory, readOnly: true }])
    ],
    terminationMessagePolicy: 'FallbackToLogsOnError'
  }
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}

function labelValue(value: string): string {
  return isLabelValue(value) ? value : createHash('sha256').update(value).digest('hex').slice(0, 32)
}
