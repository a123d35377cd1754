import { createHash } from 'node:crypto'
import type {
  V1Container,
  V1Deployment,
  V1LimitRange,
  V1Namespace,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1PodDisruptionBudget,
  V1PodSpec,
  V1ResourceQuota,
  V1Secret,
  V1ServiceAccount
} from '@kubernetes/client-node'
import { type Deployment, functionPort, pinnedReference, type Resources, secretsDirectory } from '@slipway/domain'
import { labels } from '../labels.ts'
import { placementOf } from './placement.ts'

/** Who a function runs as. The cluster does not look into images: one that wants to be root is somebody else. */
const userId = 10_001
const tmpBytes = 64 * 1024 * 1024
export const containerName = 'function'
const accountName = 'function'
const pullSecretName = 'slipway-registries'

interface Meta {
  name: string
  namespace: string
  labels: Record<string, string>
}

/** All that is applied but the Deployment, with what makes each its own kind. */
export type OwnedObject =
  | (V1Namespace & { kind: 'Namespace'; metadata: Omit<Meta, 'namespace'> })
  | (V1ServiceAccount & { kind: 'ServiceAccount'; metadata: Meta })
  | (V1LimitRange & { kind: 'LimitRange'; metadata: Meta })
  | (V1ResourceQuota & { kind: 'ResourceQuota'; metadata: Meta })
  | (V1Secret & { kind: 'Secret'; metadata: Meta })
  | (V1NetworkPolicy & { kind: 'NetworkPolicy'; metadata: Meta })
  | (V1PodDisruptionBudget & { kind: 'PodDisruptionBudget'; metadata: Meta })

/** What an administrator decides for all functions. */
export interface KubernetesPolicy {
  installation: string
  /** Who may call functions: the gateway, by its pods' labels, or by address where it runs outside of the cluster. */
  gateway: readonly V1NetworkPolicyPeer[]
  /** `public`: the internet and DNS, but no private address; `open`: everything. */
  egress: 'public' | 'open'
  /** For each owner; null: none. */
  quota: { cpuMillis: number; memoryBytes: number; pods: number } | null
  /** On every pod, for what injects by annotation: `linkerd.io/inject: enabled`. */
  podAnnotations: Readonly<Record<string, string>>
}

export function namespaceName(ownerSlug: string): string {
  return `slipway-${ownerSlug}`
}

/** `<function>-<end of the deployment's id>`: 63 characters and less, as its pods' names need. */
export function objectName({ functionName, id }: Pick<Deployment, 'functionName' | 'id'>): string {
  const short = id
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(-12)
    .toLowerCase()
  return `${functionName.slice(0, 30).replace(/-+$/, '')}-${short}`
}

/** What an owner's functions stand on. Applied before each roll-out: somebody may have changed it. */
export function ownerObjects(ownerSlug: string, policy: KubernetesPolicy, registries: string | null): OwnedObject[] {
  const namespace = namespaceName(ownerSlug)
  const own = { [labels.installation]: policy.installation, [labels.owner]: ownerSlug }
  const meta = (name: string) => ({ name, namespace, labels: own })
  const account: OwnedObject = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: meta(accountName),
    automountServiceAccountToken: false
  }
  return [
    account,
    networkPolicy(meta('slipway'), policy),
    limitRange(meta('slipway')),
    ...(policy.quota === null ? [] : [resourceQuota(meta('slipway'), policy.quota)]),
    ...(registries === null ? [] : [pullSecret(meta(pullSecretName), registries)])
  ]
}

export function namespaceOf(ownerSlug: string, { installation }: KubernetesPolicy): OwnedObject {
  const level = 'restricted'
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespaceName(ownerSlug),
      labels: {
        [labels.installation]: installation,
        [labels.owner]: ownerSlug,
        'pod-security.kubernetes.io/enforce': level,
        'pod-security.kubernetes.io/audit': level,
        'pod-security.kubernetes.io/warn': level
      }
    }
  }
}

/** In: the gateway and the same owner's functions. Out: as the policy says; never another owner. */
function networkPolicy(metadata: Meta, { gateway, egress }: KubernetesPolicy): OwnedObject {
  const sameOwner = { podSelector: {} }
  const outward: V1NetworkPolicyPeer[] =
    egress === 'open'
      ? [{ ipBlock: { cidr: '0.0.0.0/0' } }]
      : [
          {
            ipBlock: {
              cidr: '0.0.0.0/0',
              except: [
                '10.0.0.0/8',
                '172.16.0.0/12',
                '192.168.0.0/16',
                '100.64.0.0/10',
                '169.254.0.0/16',
                '127.0.0.0/8'
              ]
            }
          }
        ]
  const dns = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata,
    spec: {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ _from: [sameOwner, ...gateway], ports: [{ port: functionPort, protocol: 'TCP' }] }],
      egress: [
        { to: [sameOwner, ...gateway, ...outward] },
        {
          to: [dns],
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' }
          ]
        }
      ]
    }
  }
}

/** Nobody but Slipway makes pods here, and ours say what they need: this is for those that somebody makes by hand. */
function limitRange(metadata: Meta): OwnedObject {
  const usual = { cpu: '500m', memory: '128Mi' }
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata,
    spec: { limits: [{ type: 'Container', _default: usual, defaultRequest: usual }] }
  }
}

function resourceQuota(metadata: Meta, quota: NonNullable<KubernetesPolicy['quota']>): OwnedObject {
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata,
    spec: {
      hard: {
        'limits.cpu': `${quota.cpuMillis}m`,
        'limits.memory': String(quota.memoryBytes),
        pods: String(quota.pods)
      }
    }
  }
}

function pullSecret(metadata: Meta, dockerConfig: string): OwnedObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/dockerconfigjson',
    metadata,
    data: { '.dockerconfigjson': Buffer.from(dockerConfig).toString('base64') }
  }
}

/** The files of a deployment's secrets, by name. */
export function secretOf(
  deployment: Deployment,
  policy: KubernetesPolicy,
  files: ReadonlyMap<string, Uint8Array>
): OwnedObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: metaOf(deployment, policy),
    data: Object.fromEntries([...files].map(([name, content]) => [name, Buffer.from(content).toString('base64')]))
  }
}

export function disruptionBudgetOf(deployment: Deployment, policy: KubernetesPolicy): OwnedObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metaOf(deployment, policy),
    spec: { maxUnavailable: 1, selector: { matchLabels: { [labels.deployment]: deployment.id } } }
  }
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
  hasRegistries: boolean
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
        spec: podSpec(deployment, hasRegistries)
      }
    }
  }
}

function podSpec(deployment: Deployment, hasRegistries: boolean): V1PodSpec {
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

/** Most functions wait most of the time: what is set aside for one that does not say is less than what it may take. */
function usualRequests({ cpuMillis, memoryBytes }: Resources): Resources {
  return { cpuMillis: Math.ceil(cpuMillis / 10), memoryBytes: Math.ceil(memoryBytes / 2) }
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}

function isLabelValue(value: string): boolean {
  return value.length <= 63 && /^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/.test(value)
}

function labelValue(value: string): string {
  return isLabelValue(value) ? value : createHash('sha256').update(value).digest('hex').slice(0, 32)
}
