export { type ClusterHarness, testCluster } from './cluster-suite.ts'
export { type DeploymentChange, deploymentOf } from './deployment.ts'
export {
  createFakeCluster,
  type FakeCluster,
  type FakeClusterOptions,
  type FakeMachine,
  type FakeMethod
} from './fake-cluster.ts'
export { type FunctionBehaviour, functionEnvironment, functionImage } from './function-image.ts'
export { importImage, type PushOptions, pushImage } from './image-import.ts'
export { createProcessRuntime, type FunctionRuntime, isListening, type RunningReplica } from './openfaas/runtime.ts'
export {
  communityEdition,
  fullEdition,
  type OpenFaasEdition,
  type OpenFaasServer,
  startOpenFaas
} from './openfaas/server.ts'
export { startPostgres, type TestPostgres } from './postgres.ts'
export * from './seed.ts'
