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
export { startPostgres, type TestPostgres } from './postgres.ts'
export * from './seed.ts'
