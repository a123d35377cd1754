export { type FunctionBehaviour, functionEnvironment, functionImage } from './function-image.ts'
export { importImage, pushImage } from './image-import.ts'
export { startPostgres, type TestPostgres } from './postgres.ts'
export * from './seed.ts'
