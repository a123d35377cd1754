export { type OpenApiValidator, openApiValidator } from './validator.ts'
