import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { callOf, type OpenApi, type Operation, type Parameter, readDocument, type Schema } from './document.ts'

/** Throws, with what deviates, when a call or its answer is not what the forge's published OpenAPI document says. */
export interface OpenApiValidator {
  /** @param path below the API's address, with its query: `/projects/42?license=true`. @param body decoded; null or undefined for none. */
  checkRequest(method: string, path: string, body?: unknown): void
  /** @param isConditional the call said which answer it has already (`If-None-Match`): only then there may be a 304, and it has no body. */
  checkResponse(method: string, path: string, status: number, body?: unknown, isConditional?: boolean): void
}

const files = {
  github: new URL('fixtures/github-openapi.json', import.meta.url),
  gitlab: new URL('fixtures/gitlab-openapi.json', import.meta.url)
}

/** For tests and for forges that stand in for the real ones: holds what is sent to them, and what they answer, to the real ones' word. */
export function openApiValidator(kind: 'github' | 'gitlab'): OpenApiValidator {
  const document = readDocument(readFileSync(files[kind], 'utf8'))
  const validate = createValidate(document)

  return {
    checkRequest(method, path, body) {
      const call = callOf(document, method, path)
      const deviations = [
        ...parameterDeviations(validate, call.operation, call.values, call.query),
        ...bodyDeviations(validate, call.operation, body)
      ]
      if (deviations.length > 0) throw new Error(`${method} ${path}: the request deviates: ${deviations.join('; ')}`)
    },
    checkResponse(method, path, status, body, isConditional = false) {
      const { operation } = callOf(document, method, path)
      const deviations =
        status === 304
          ? unchangedDeviations(method, body, isConditional)
          : responseDeviations(validate, operation, status, body)
      if (deviations.length > 0)
        throw new Error(`${method} ${path}: the answer ${status} deviates: ${deviations.join('; ')}`)
    }
  }
}

type Validate = (schema: Schema, value: unknown, options?: { isText: boolean }) => string[]

/** @returns a function that lists what is wrong with a value. `isText`: the value stands in an address, so `5` may be a number. */
function createValidate({ components }: OpenApi): Validate {
  const compiled = new Map<Schema, ValidateFunction>()
  const [exact, lenient] = [false, true].map((coerceTypes) => {
    // Formats that only GitHub knows (`repo.nwo`) are left alone.
    const ajv = new Ajv({ strict: false, allErrors: true, logger: false, coerceTypes })
    addFormats.default(ajv)
    ajv.addSchema({ components }, 'document')
    return ajv
  })
  return (schema, value, { isText } = { isText: false }) => {
    const ajv = isText ? lenient : exact
    const check = compiled.get(schema) ?? ajv?.compile(rebased(schema))
    if (check === undefined) throw new Error('no validator')
    compiled.set(schema, check)
    return check(isText ? { value } : value) ? [] : (check.errors ?? []).map(wordsOf)
  }

  function rebased(schema: Schema): Schema {
    const text = JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/')
    return JSON.parse(text) as Schema
  }
}

function wordsOf({ instancePath, message, params }: ErrorObject): string {
  const detail = 'additionalProperty' in params ? ` (${String(params.additionalProperty)})` : ''
  const allowed = 'allowedValues' in params ? ` (${(params.allowedValues as unknown[]).join(', ')})` : ''
  return `${instancePath || 'the body'} ${message ?? 'is wrong'}${detail}${allowed}`
}

function parameterDeviations(
  validate: Validate,
  { parameters = [] }: Operation,
  values: Record<string, string>,
  query: URLSearchParams
): string[] {
  const known = (where: string) => parameters.filter((parameter) => parameter.in === where)
  const check = ({ name, schema }: Parameter, value: string) =>
    validate({ type: 'object', properties: { value: schema } }, value, { isText: true }).map((why) => `${name}: ${why}`)
  const unknown = [...query.keys()].filter((key) => !known('query').some(({ name }) => name === key))
  return [
    ...known('path').flatMap((parameter) => check(parameter, values[parameter.name] ?? '')),
    ...known('query').flatMap((parameter) => {
      const value = query.get(parameter.name)
      if (value !== null) return check(parameter, value)
      return parameter.required === true ? [`${parameter.name} is missing`] : []
    }),
    ...unknown.map((key) => `there is no query parameter ${key}`)
  ]
}

function bodyDeviations(validate: Validate, { requestBody }: Operation, body: unknown): string[] {
  const schema = requestBody?.content['application/json']?.schema
  const isEmpty = body === undefined || body === null
  if (schema === undefined) return isEmpty ? [] : ['it takes no body']
  if (isEmpty) return requestBody?.required === true ? ['the body is missing'] : []
  return validate(schema, body)
}

/** Neither document spells out conditional calls: both forges answer every GET like this (RFC 9110). */
function unchangedDeviations(method: string, body: unknown, isConditional: boolean): string[] {
  return [
    ...(method === 'GET' ? [] : ['only a GET has an answer that may be unchanged']),
    ...(isConditional ? [] : ['nobody said which answer is known already']),
    ...(body === undefined || body === null ? [] : ['it has no body'])
  ]
}

function responseDeviations(validate: Validate, { responses }: Operation, status: number, body: unknown): string[] {
  const documented = responses[status]
  if (documented === undefined) {
    // Rate limits, outages and refusals are not spelled out for every call; whatever succeeds is.
    const isRefusal =
      status >= 400 && typeof body === 'object' && body !== null && ('message' in body || 'error' in body)
    return isRefusal ? [] : ['this status is not documented']
  }
  const schema = documented.content?.['application/json']?.schema
  return schema === undefined ? [] : validate(schema, body)
}
