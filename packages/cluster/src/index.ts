export { createDockerCluster, type DockerClusterOptions } from './docker/cluster.ts'
export { secretsDirectoryOf } from './docker/secret-files.ts'
export type { ClusterLogger } from './logger.ts'
export type { RegistryCredentials } from './registry-credentials.ts'
