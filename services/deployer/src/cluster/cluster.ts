import type { Cluster, Deployment } from '@slipway/domain'
import { type Logger, registrySettings } from '@slipway/service'
import Type, { type Static } from 'typebox'
import { dockerCluster, dockerSettings } from './docker.ts'
import { kubernetesCluster, kubernetesSettings } from './kubernetes.ts'
import { openFaasCluster, openFaasSettings } from './openfaas.ts'

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
  ...dockerSettings,
  ...kubernetesSettings,
  ...openFaasSettings
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

const clusters = { docker: dockerCluster, kubernetes: kubernetesCluster, openfaas: openFaasCluster }

/** @throws Failure `invalid-configuration` */
export function createCluster(config: ClusterConfig, deps: ClusterDeps): Promise<Cluster> {
  return clusters[config.CLUSTER](config, deps)
}
