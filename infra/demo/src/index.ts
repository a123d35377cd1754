export * from './installation.ts'
export * from './working-copy.ts'
