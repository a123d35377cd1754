export { ask } from './ask.ts'
export { connectDocker, type DockerEngine, type DockerOptions } from './docker.ts'
export type { DockerConnection } from './engine-api.ts'
export { type KeptProcess, keepRunning } from './keep-running.ts'
export { freePort, isPortFree, keptPorts } from './ports.ts'
export {
  type MachineLogger,
  type ProcessEnd,
  type ProcessOptions,
  type RunningProcess,
  startProcess
} from './process.ts'
export { findProgram, type ProgramOptions, requireProgram } from './program.ts'
export { type RedisOptions, type RunningRedis, type RunningServer, startRedis } from './redis.ts'
export { collectLayers, type RegistryOptions, type RunningRegistry, startRegistry } from './registry.ts'
export { type WaitOptions, waitFor } from './wait.ts'
