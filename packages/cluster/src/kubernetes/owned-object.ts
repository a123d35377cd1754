import type {
  V1Ingress,
  V1LimitRange,
  V1Namespace,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1OwnerReference,
  V1PodDisruptionBudget,
  V1ResourceQuota,
  V1Secret,
  V1Service,
  V1ServiceAccount
} from '@kubernetes/client-node'

export const accountName = 'function'
export const pullSecretName = 'slipway-registries'

export interface Meta {
  name: string
  namespace: string
  labels: Record<string, string>
  annotations?: Record<string, string>
  /** What it is a part of, and goes with. */
  ownerReferences?: V1OwnerReference[]
}

/** All that is applied but the Deployment, with what makes each its own kind. */
export type OwnedObject =
  | (V1Namespace & { kind: 'Namespace'; metadata: Omit<Meta, 'namespace'> })
  | (V1ServiceAccount & { kind: 'ServiceAccount'; metadata: Meta })
  | (V1LimitRange & { kind: 'LimitRange'; metadata: Meta })
  | (V1ResourceQuota & { kind: 'ResourceQuota'; metadata: Meta })
  | (V1Secret & { kind: 'Secret'; metadata: Meta })
  | (V1Service & { kind: 'Service'; metadata: Meta })
  | (V1Ingress & { kind: 'Ingress'; metadata: Meta })
  | (V1NetworkPolicy & { kind: 'NetworkPolicy'; metadata: Meta })
  | (V1PodDisruptionBudget & { kind: 'PodDisruptionBudget'; metadata: Meta })

/** What an administrator decides for all functions. */
export interface KubernetesPolicy {
  installation: string
  /** Who may call functions: the gateway, by its pods' labels, or by address where it runs outside of the cluster. */
  gateway: readonly V1NetworkPolicyPeer[]
  /** `public`: the internet and DNS, but no private address; `open`: everything. */
  egress: 'public' | 'open'
  /** Of all that runs of one owner, with a new version beside the former one; null: no limit. */
  quota: { cpuMillis: number | null; memoryBytes: number | null; pods: number | null }
  /** On every pod, for what injects by annotation: `linkerd.io/inject: enabled`. */
  podAnnotations: Readonly<Record<string, string>>
  /** An Ingress for each function; null: none, the gateway has one for all. */
  ingress: IngressPolicy | null
  /** Where functions call others of their owner; null: they do not by the gateway's names. */
  inner: InnerPolicy | null
}

/** The gateway as functions know it: by its names, on port 8080. */
export interface InnerPolicy {
  /** Its Service, whose address the API server tells, or the address. */
  gateway: { namespace: string; service: string } | { address: string }
  /** On which the gateway itself listens for functions: all of it that they reach. */
  port: number
}

/** It leads to the gateway, never to a function itself: who may call it, how often, and whether it sleeps is known there. */
export interface IngressPolicy {
  /** The gateway's Service, in whose namespace every Ingress is: no other can lead to it. */
  gateway: { namespace: string; service: string; port: number }
  /** Functions answer at `<owner>.<domain>/<function>`. */
  domain: string
  /** Whose controller takes them; null: the cluster's usual one. */
  className: string | null
  /** A Secret beside the gateway with the certificate; `{owner}` in it stands for the owner. null: plain http. */
  tlsSecret: string | null
  /** For what reads annotations: `cert-manager.io/cluster-issuer: letsencrypt`. */
  annotations: Readonly<Record<string, string>>
}

export function namespaceName(ownerSlug: string): string {
  return `slipway-${ownerSlug}`
}
