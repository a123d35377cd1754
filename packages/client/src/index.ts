export * from './internal.ts'
