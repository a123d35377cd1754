import { join } from 'node:path'
import { createDockerCluster, secretsDirectoryOf } from '@slipway/cluster'
import type { Cluster } from '@slipway/domain'
import { homePaths, isolationSettings, registryAuth, resolversOf } from '@slipway/service'
import Type from 'typebox'
import type { ClusterConfig, ClusterDeps } from './cluster.ts'

/** With CLUSTER=docker. */
export const dockerSettings = {
  ...isolationSettings,
  NETWORK_PREFIX: Type.Integer({
    default: 26,
    minimum: 20,
    maximum: 28,
    description: "The size of one owner's network, as the length of its prefix."
  }),
  INNER_PORT: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description:
      'Functions call each other by `http://gateway:<this>/function/<name>` (`CLUSTER=docker`); with `KUBERNETES_INNER_GATEWAY` what they call on port 8080 comes to this one of the gateway. 0: they do not.'
  }),
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
  )
}

export async function dockerCluster(config: ClusterConfig, deps: ClusterDeps): Promise<Cluster> {
  const { installation, filesOf, logger, now } = deps
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

/** Below the deployer's own, by installation: several may share a machine. */
function secretsDirectory(
  { SECRETS_DIRECTORY, XDG_RUNTIME_DIR, SLIPWAY_HOME }: ClusterConfig,
  installation: string
): Promise<string> | string {
  if (SECRETS_DIRECTORY !== undefined) return join(SECRETS_DIRECTORY, `slipway-${installation}`)
  const candidates = ['/run', ...(XDG_RUNTIME_DIR === undefined ? [] : [XDG_RUNTIME_DIR])]
  return secretsDirectoryOf(installation, candidates, homePaths(SLIPWAY_HOME).secretFiles)
}
