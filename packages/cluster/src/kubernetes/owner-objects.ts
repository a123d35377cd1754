import type { V1NetworkPolicyPeer } from '@kubernetes/client-node'
import { functionPort } from '@slipway/domain'
import { labels } from '../labels.ts'
import {
  accountName,
  type KubernetesPolicy,
  type Meta,
  namespaceName,
  type OwnedObject,
  pullSecretName
} from './owned-object.ts'

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
  const quota = resourceQuota(meta('slipway'), policy.quota)
  return [
    account,
    networkPolicy(meta('slipway'), policy),
    limitRange(meta('slipway')),
    ...(quota === null ? [] : [quota]),
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

/** In: the gateway and the same owner's functions. Out: as the policy says, and where the gateway listens for them; never another owner. */
function networkPolicy(metadata: Meta, { gateway, egress, inner }: KubernetesPolicy): OwnedObject {
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
        { to: [sameOwner, ...(inner === null ? gateway : []), ...outward] },
        ...(inner === null ? [] : [{ to: [...gateway], ports: [{ port: inner.port, protocol: 'TCP' }] }]),
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

/** null: nothing is limited. */
function resourceQuota(
  metadata: Meta,
  { cpuMillis, memoryBytes, pods }: KubernetesPolicy['quota']
): OwnedObject | null {
  const hard = {
    ...(cpuMillis === null ? {} : { 'limits.cpu': `${cpuMillis}m` }),
    ...(memoryBytes === null ? {} : { 'limits.memory': String(memoryBytes) }),
    ...(pods === null ? {} : { pods: String(pods) })
  }
  if (Object.keys(hard).length === 0) return null
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } }
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
