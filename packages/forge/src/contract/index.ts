export { openApiValidator, type OpenApiValidator } from './validator.ts'
