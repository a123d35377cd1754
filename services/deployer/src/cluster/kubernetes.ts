import { isIP } from 'node:net'
import type { IngressPolicy, InnerPolicy } from '@slipway/cluster/kubernetes'
import { type Cluster, Failure } from '@slipway/domain'
import { listed, registryAuth } from '@slipway/service'
import Type from 'typebox'
import type { ClusterConfig, ClusterDeps } from './cluster.ts'

const quotaOf =
  'all functions of one owner together, by their limits; 0: no limit of the namespace. There must be room for a new version beside the former one.'

/** `<namespace>/<service>:<port>`, of the gateway. */
const ingressForm = /^([a-z0-9-]{1,63})\/([a-z0-9-]{1,63}):(\d{1,5})$/

/** `<namespace>/<service>` of the gateway, or an address. */
const innerForm = /^([a-z0-9-]{1,63}\/[a-z0-9-]{1,63}|[\da-fA-F:.]{2,45})$/

/** With CLUSTER=kubernetes. */
export const kubernetesSettings = {
  KUBECONFIG: Type.Optional(
    Type.String({
      pattern: '^/',
      description: 'How the cluster is reached; unset: by the service account of the pod that this runs in.'
    })
  ),
  KUBERNETES_GATEWAYS: Type.String({
    default: 'slipway/app.kubernetes.io/name=slipway-gateway',
    description:
      "Who may call functions: the gateway's pods as `<namespace>/<label>=<value>`, or addresses (`10.0.0.0/24`) of a gateway outside of the cluster; several separated by commas."
  }),
  KUBERNETES_EGRESS: Type.Enum(['public', 'open'], {
    default: 'public',
    description: '`public`: functions reach the internet, but no private address; `open`: everything.'
  }),
  KUBERNETES_POD_ANNOTATIONS: Type.String({
    default: '',
    description: 'On every pod of a function: `linkerd.io/inject=enabled`, several separated by commas.'
  }),
  KUBERNETES_QUOTA_CPU_MILLIS: Type.Integer({ default: 0, minimum: 0, description: `Processor of ${quotaOf}` }),
  KUBERNETES_QUOTA_MEMORY_MB: Type.Integer({ default: 0, minimum: 0, description: `Memory of ${quotaOf}` }),
  KUBERNETES_QUOTA_PODS: Type.Integer({ default: 0, minimum: 0, description: `Pods of ${quotaOf}` }),
  KUBERNETES_INNER_GATEWAY: Type.Optional(
    Type.String({
      pattern: innerForm.source,
      description:
        'Where functions find the gateway by its names, on port 8080: its Service as `<namespace>/<service>`, or an address. Both services read it, and `INNER_PORT`. Unset: they do not.'
    })
  ),
  KUBERNETES_INGRESS: Type.Optional(
    Type.String({
      pattern: ingressForm.source,
      description:
        "An Ingress for each function, made beside the gateway's Service (`<namespace>/<service>:<port>`) and leading to it. Unset: none, for where one with a wildcard serves all."
    })
  ),
  FUNCTIONS_DOMAIN: Type.String({
    default: 'localhost',
    pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$',
    description: "Functions answer on `<owner>.<this>`; every other host name is the gateway's own.",
    expected: 'a domain in lower case'
  }),
  KUBERNETES_INGRESS_CLASS: Type.String({
    default: '',
    description: "Whose controller takes them; empty: the cluster's usual one."
  }),
  KUBERNETES_INGRESS_TLS_SECRET: Type.String({
    default: '',
    description:
      'The Secret in that namespace with the certificate; `{owner}` in it stands for the owner. Empty: plain http.'
  }),
  KUBERNETES_INGRESS_ANNOTATIONS: Type.String({
    default: '',
    description: 'On every Ingress: `cert-manager.io/cluster-issuer=letsencrypt`, several separated by commas.'
  })
}

/** @throws Failure `invalid-configuration` */
export async function kubernetesCluster(config: ClusterConfig, deps: ClusterDeps): Promise<Cluster> {
  const { installation, filesOf, logger } = deps
  const { createKubernetesCluster } = await import('@slipway/cluster/kubernetes')
  return createKubernetesCluster({
    kubeconfig: config.KUBECONFIG ?? null,
    installation,
    gateway: listed(config.KUBERNETES_GATEWAYS).map(gatewayPeer),
    egress: config.KUBERNETES_EGRESS,
    quota: {
      cpuMillis: config.KUBERNETES_QUOTA_CPU_MILLIS || null,
      memoryBytes: config.KUBERNETES_QUOTA_MEMORY_MB * 1024 * 1024 || null,
      pods: config.KUBERNETES_QUOTA_PODS || null
    },
    podAnnotations: Object.fromEntries(listed(config.KUBERNETES_POD_ANNOTATIONS).map(pairOf)),
    ingress: ingressPolicy(config),
    inner: innerPolicy(config),
    registryAuth: registryAuth(config),
    filesOf,
    readyTimeoutMs: config.READY_TIMEOUT_MS,
    logger
  })
}

/** A peer of network policies. */
function gatewayPeer(text: string) {
  if (/^[\d.]+\/\d+$/.test(text)) return { ipBlock: { cidr: text } }
  const slash = text.indexOf('/')
  const [label, value] = pairOf(text.slice(slash + 1))
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': text.slice(0, slash) } },
    podSelector: { matchLabels: { [label]: value } }
  }
}

function ingressPolicy(config: ClusterConfig): IngressPolicy | null {
  const [, namespace, service, port] = ingressForm.exec(config.KUBERNETES_INGRESS ?? '') ?? []
  if (namespace === undefined || service === undefined) return null
  return {
    gateway: { namespace, service, port: Number(port) },
    domain: config.FUNCTIONS_DOMAIN,
    className: config.KUBERNETES_INGRESS_CLASS || null,
    tlsSecret: config.KUBERNETES_INGRESS_TLS_SECRET || null,
    annotations: Object.fromEntries(listed(config.KUBERNETES_INGRESS_ANNOTATIONS).map(pairOf))
  }
}

/** @throws Failure `invalid-configuration` */
function innerPolicy({ KUBERNETES_INNER_GATEWAY: given, INNER_PORT: port }: ClusterConfig): InnerPolicy | null {
  if (given === undefined || port === 0) return null
  const [namespace = '', service] = given.split('/')
  if (service !== undefined) return { gateway: { namespace, service }, port }
  if (isIP(given) !== 0) return { gateway: { address: given }, port }
  throw new Failure(
    'invalid-configuration',
    'KUBERNETES_INNER_GATEWAY must be <namespace>/<service> of the gateway, or an address'
  )
}

function pairOf(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals <= 0)
    throw new Failure('invalid-configuration', `${JSON.stringify(text)} is not of the form <name>=<value>`)
  return [text.slice(0, equals), text.slice(equals + 1)]
}
