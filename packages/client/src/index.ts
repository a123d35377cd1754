export * from './client.ts'
export * from './internal.ts'
export * from './resources.ts'
export * from './routes.ts'
