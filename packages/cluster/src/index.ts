export { createDockerCluster, type DockerClusterOptions } from './docker/cluster.ts'
export type { ClusterLogger } from './docker/engine.ts'
export type { RegistryCredentials } from './docker/image.ts'
export { secretsDirectoryOf } from './docker/secret-files.ts'
