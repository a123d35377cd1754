import { join } from 'node:path'
import { createDockerCluster, secretsDirectoryOf } from '@slipway/cluster'
import type { IngressPolicy } from '@slipway/cluster/kubernetes'
import { type Cluster, type Deployment, Failure } from '@slipway/domain'
import {
  homePaths,
  isolationSettings,
  type Logger,
  listed,
  registryAuth,
  registrySettings,
  resolversOf
} from '@slipway/service'
import Type, { type Static } from 'typebox'

const quotaOf =
  'all functions of one owner together, by their limits; 0: no limit of the namespace. There must be room for a new version beside the former one.'

/** `<namespace>/<service>:<port>`, of the gateway. */
const ingressForm = /^([a-z0-9-]{1,63})\/([a-z0-9-]{1,63}):(\d{1,5})$/

/** Where functions run, and how. */
export const clusterSettings = {
  CLUSTER: Type.Enum(['docker', 'kubernetes', 'openfaas'], {
    default: 'docker',
    description: 'Where functions run: docs/kubernetes.md, docs/openfaas-cluster.md.'
  }),
  READY_TIMEOUT_MS: Type.Integer({
    default: 60_000,
    minimum: 1000,
    description: 'How long a new version may take to become ready.'
  }),
  // with CLUSTER=docker
  ...isolationSettings,
  NETWORK_PREFIX: Type.Integer({
    default: 26,
    minimum: 20,
    maximum: 28,
    description: "The size of one owner's network, as the length of its prefix."
  }),
  INNER_PORT: Type.Integer({ default: 8080, minimum: 0, maximum: 65_535, description: 'As for the gateway.' }),
  READY_NETWORKS: Type.Integer({
    default: 16,
    minimum: 0,
    description:
      'For how many owners who just pushed a network is kept ready for their next push. Each takes an address and 3 MB.'
  }),
  SECRETS_DIRECTORY: Type.Optional(
    Type.String({
      pattern: '^/',
      description: "Where functions' secrets are written as files. Default: in memory where there is a place for it."
    })
  ),
  XDG_RUNTIME_DIR: Type.Optional(
    Type.String({ description: 'Set by the system for the user that runs this: a place in memory.' })
  ),
  // with CLUSTER=kubernetes
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
  }),
  // with CLUSTER=openfaas
  OPENFAAS_URL: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description: "Address of the OpenFaaS gateway, as `deployer` and Slipway's own gateway reach it."
    })
  ),
  OPENFAAS_USERNAME: Type.String({ default: 'admin', description: 'Who Slipway is to it, with OPENFAAS_PASSWORD.' }),
  OPENFAAS_PASSWORD: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'For basic authentication; unset, and no OPENFAAS_TOKEN: it asks nobody.'
    })
  ),
  OPENFAAS_TOKEN: Type.Optional(
    Type.String({ minLength: 1, description: 'A bearer token, in place of user name and password.' })
  ),
  OPENFAAS_NAMESPACES: Type.Enum(['one', 'owner'], {
    default: 'one',
    description:
      '`one`: all functions in one namespace, and none with secrets; `owner`: each owner has `slipway-<slug>`, where the gateway has namespaces (not the Community Edition).'
  }),
  OPENFAAS_NAMESPACE: Type.Optional(
    Type.String({ pattern: '^[a-z0-9-]{1,63}$', description: "The one namespace; unset: the gateway's default." })
  ),
  OPENFAAS_PULL_SECRET: Type.Optional(
    Type.String({
      minLength: 1,
      description: "A secret of the gateway's by which its cluster pulls images, listed by every function."
    })
  )
}
export const ClusterConfig = Type.Object({ ...clusterSettings, ...registrySettings, SLIPWAY_HOME: Type.String() })
export type ClusterConfig = Static<typeof ClusterConfig>

export interface ClusterDeps {
  installation: string
  /** The files of a deployment's secrets, by name. */
  filesOf(deployment: Deployment): Promise<ReadonlyMap<string, Uint8Array>>
  logger: Logger
  now: () => number
}

/** @throws Failure `invalid-configuration` */
export async function createCluster(config: ClusterConfig, deps: ClusterDeps): Promise<Cluster> {
  const { installation, filesOf, logger, now } = deps
  if (config.CLUSTER === 'kubernetes') {
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
      registryAuth: registryAuth(config),
      filesOf,
      readyTimeoutMs: config.READY_TIMEOUT_MS,
      logger
    })
  }
  if (config.CLUSTER === 'openfaas') {
    const { createOpenFaasCluster } = await import('@slipway/cluster/openfaas')
    return createOpenFaasCluster({ ...openFaasOf(config), installation, filesOf, logger })
  }
  return createDockerCluster({
    docker: {},
    installation,
    gatewayPort: config.INNER_PORT || null,
    registryAuth: registryAuth(config),
    secrets: {
      directory: await secretsDirectory(config, installation),
      filesOf
    },
    resolvers: resolversOf(config),
    networkPool: config.NETWORK_POOL,
    subnetPrefix: config.NETWORK_PREFIX,
    firewall: config.FIREWALL,
    readyNetworks: config.READY_NETWORKS,
    readyTimeoutMs: config.READY_TIMEOUT_MS,
    pullTimeoutMs: config.PULL_TIMEOUT_MS,
    logger,
    now
  })
}

/** @throws Failure `invalid-configuration` */
function openFaasOf(config: ClusterConfig) {
  const { OPENFAAS_URL: url, OPENFAAS_TOKEN: token, OPENFAAS_PASSWORD: password } = config
  if (url === undefined || !URL.canParse(url)) {
    throw new Failure('invalid-configuration', 'CLUSTER=openfaas needs OPENFAAS_URL, the address of its gateway')
  }
  if (token !== undefined && password !== undefined) {
    throw new Failure('invalid-configuration', 'set either OPENFAAS_TOKEN or OPENFAAS_PASSWORD, not both')
  }
  const username = config.OPENFAAS_USERNAME
  const basic = password === undefined ? null : { username, password }
  return {
    address: new URL(url),
    credential: token === undefined ? basic : { token },
    namespaces: config.OPENFAAS_NAMESPACES,
    namespace: config.OPENFAAS_NAMESPACE ?? null,
    pullSecret: config.OPENFAAS_PULL_SECRET ?? null,
    readyTimeoutMs: config.READY_TIMEOUT_MS
  }
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

function pairOf(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals <= 0)
    throw new Failure('invalid-configuration', `${JSON.stringify(text)} is not of the form <name>=<value>`)
  return [text.slice(0, equals), text.slice(equals + 1)]
}

/** Below the deployer's own, by installation: several may share a machine. */
function secretsDirectory(
  { SECRETS_DIRECTORY, XDG_RUNTIME_DIR, SLIPWAY_HOME }: ClusterConfig,
  installation: string
): Promise<string> | string {
  if (SECRETS_DIRECTORY !== undefined) return join(SECRETS_DIRECTORY, `slipway-${installation}`)
  const candidates = ['/run', ...(XDG_RUNTIME_DIR === undefined ? [] : [XDG_RUNTIME_DIR])]
  return secretsDirectoryOf(installation, candidates, homePaths(SLIPWAY_HOME).secretFiles)
}
