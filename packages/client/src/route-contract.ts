import type { TObject, TSchema } from 'typebox'
import type { Rule } from './rule.ts'

/** One call of the status API. */
export interface RouteContract {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With `:name` for parameters. */
  path: string
  summary: string
  rule: Rule
  query?: TObject
  body?: TObject
  /** Where it is not the usual megabyte. */
  bodyLimitBytes?: number
  response: TSchema
}
