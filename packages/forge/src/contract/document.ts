export interface Schema {
  [keyword: string]: unknown
}

export interface Parameter {
  name: string
  in: string
  required?: boolean
  schema: Schema
}

type Content = Record<string, { schema: Schema } | undefined>

export interface Operation {
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Content }
  responses: Record<string, { content?: Content } | undefined>
}

/** An OpenAPI document whose schemas are plain JSON Schema, with references only between schemas. */
export interface OpenApi {
  paths: Record<string, Record<string, Operation | undefined>>
  components: { schemas: Record<string, Schema> }
}

/** Answered by GitHub by id as well, which its document leaves out; the same calls. */
const aliases: [RegExp, string][] = [[/^\/repositories\/[0-9]+(?=\/|$)/, '/repos/by/id']]

/** The one documented operation that a call is. @throws when there is none, or the path's query is malformed. */
export function callOf(document: OpenApi, method: string, path: string) {
  const { pathname, searchParams: query } = new URL(path, 'http://forge')
  const named = aliases.reduce((name, [pattern, instead]) => name.replace(pattern, instead), pathname)
  for (const template of bySpecificity(document)) {
    const values = match(template, named)
    const operation = document.paths[template]?.[method.toLowerCase()]
    if (values !== null && operation !== undefined) return { operation, values, query }
  }
  throw new Error(`${method} ${path}: there is no such call in the document`)
}

function bySpecificity({ paths }: OpenApi): string[] {
  const literal = (template: string) => template.replaceAll(/\{[^}]+\}/g, '').length
  return Object.keys(paths).sort((a, b) => literal(b) - literal(a))
}

/** A ref has slashes of its own. */
function match(template: string, pathname: string): Record<string, string> | null {
  const names: string[] = []
  const pattern = template.replaceAll(/\{([^}]+)\}/g, (_all, name: string) => {
    names.push(name)
    return name === 'ref' ? '(.+)' : '([^/]+)'
  })
  const found = new RegExp(`^${pattern}$`).exec(pathname)
  if (found === null) return null
  return Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(found[index + 1] ?? '')]))
}

interface RawDocument {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> } & Record<string, Record<string, unknown>>
}

/** Reads an OpenAPI 3.0 document: references are followed outside schemas, `nullable` becomes JSON Schema. */
export function readDocument(text: string): OpenApi {
  const raw = JSON.parse(text) as RawDocument
  const follow = <T>(value: T): T => {
    const pointer = (value as { $ref?: string }).$ref
    if (pointer === undefined) return value
    const [, , kind = '', name = ''] = pointer.split('/')
    return raw.components[kind]?.[name] as T
  }
  const contentOf = (content: Content, isRequest: boolean): Content =>
    Object.fromEntries(
      Object.entries(content).map(([type, media]) => {
        const schema = media === undefined ? {} : plainSchema(media.schema)
        return [type, { schema: isRequest ? closed(schema) : schema }]
      })
    )
  const operationOf = ({ parameters = [], requestBody, responses }: Operation): Operation => ({
    parameters: parameters.map(follow).map((parameter) => ({ ...parameter, schema: plainSchema(parameter.schema) })),
    ...(requestBody === undefined
      ? {}
      : { requestBody: { ...requestBody, content: contentOf(requestBody.content, true) } }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, response]) => {
        const { content = {} } = follow(response) ?? {}
        return [status, { content: contentOf(content, false) }]
      })
    )
  })
  return {
    paths: mapValues(raw.paths, (operations) => mapValues(operations, operationOf)),
    components: { schemas: mapValues(raw.components.schemas, plainSchema) }
  }
}

function mapValues<From, To>(record: Record<string, From>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}

/** `nullable` is OpenAPI 3.0's word; JSON Schema says it by a second type. */
function plainSchema(schema: Schema): Schema {
  const { nullable, ...rest } = mapSchemas(schema, plainSchema)
  return nullable === true ? { anyOf: [rest, { type: 'null' }] } : rest
}

/** What is sent may hold documented fields only: a misspelt one would be ignored by the forge, silently. */
function closed(schema: Schema): Schema {
  const inner = mapSchemas(schema, closed, ['properties', 'items'])
  return 'properties' in inner && !('additionalProperties' in inner) ? { ...inner, additionalProperties: false } : inner
}

const listsOfSchemas = ['anyOf', 'oneOf', 'allOf']
const mapsOfSchemas = ['properties', 'patternProperties']
const schemas = ['items', 'not', 'additionalProperties']

function mapSchemas(schema: Schema, change: (schema: Schema) => Schema, within?: string[]): Schema {
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (within !== undefined && !within.includes(keyword)) return [keyword, value]
      if (listsOfSchemas.includes(keyword)) return [keyword, (value as Schema[]).map(change)]
      if (mapsOfSchemas.includes(keyword)) return [keyword, mapValues(value as Record<string, Schema>, change)]
      if (schemas.includes(keyword) && typeof value === 'object') return [keyword, change(value as Schema)]
      return [keyword, value]
    })
  )
}
