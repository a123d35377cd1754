/** What we read of an OpenAPI document of our own. */
export interface ApiDocument {
  info: { title: string; description?: string }
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

interface Operation {
  operationId?: string
  summary?: string
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: Schema }[]
  requestBody?: { content?: Record<string, { schema?: Schema }> }
  responses?: Record<string, { description?: string; content?: Record<string, { schema?: Schema }> }>
}

interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  allOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  required?: string[]
  default?: unknown
  minimum?: number
  maximum?: number
  description?: string
}

/** A value that goes in or comes out. */
export interface FieldOfCall {
  name: string
  type: string
  isRequired: boolean
  about: string
}

export interface Call {
  method: string
  path: string
  summary: string
  query: FieldOfCall[]
  body: FieldOfCall[]
  /** What comes back, in a line; '' where it is told by its fields. */
  answer: string
  answerFields: FieldOfCall[]
}

/** The document as a reader wants it: calls by what they are about, and the things that they answer with. */
export interface ApiReference {
  title: string
  sections: { title: string; calls: Call[] }[]
  things: { name: string; about: string; fields: FieldOfCall[] }[]
}

export function readDocument(document: ApiDocument): ApiReference {
  const named = Object.entries(document.components?.schemas ?? {})
  const names = new Map(named.map(([name, schema]) => [typeOf(schema), name]))
  const found = new Map<string, Call[]>()
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      // The files of the pages before somebody is signed in are no calls.
      if (operation.summary === 'A page of the door') continue
      const title = sectionOf(path)
      found.set(title, [...(found.get(title) ?? []), callOf(method, path, operation, names)])
    }
  }
  const things = named.map(([name, schema]) => ({
    name,
    about: schema.description ?? '',
    fields: fieldsOf(schema)
  }))
  return {
    title: document.info.title,
    sections: [...found].map(([title, calls]) => ({ title, calls })).sort((a, b) => rank(a.title) - rank(b.title)),
    things: things.sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

const order = ['Builds', 'Functions', 'Repositories', 'Owners', 'Events']
const last = ['Administration', 'Signing in', 'Without signing in']
const rank = (title: string) => (order.includes(title) ? order.indexOf(title) - order.length : last.indexOf(title) + 1)

/** What belongs together, by the first noun of an address; others stand for themselves. */
const sections: Readonly<Record<string, string>> = {
  deploys: 'Builds',
  deployments: 'Functions',
  'build-isolation': 'Owners',
  suspension: 'Owners',
  usage: 'Traffic',
  'function-keys': 'Access',
  'sealing-keys': 'Secrets',
  'encryption-key': 'Secrets',
  connect: 'Forges',
  admin: 'Administration',
  running: 'Administration',
  audit: 'Administration',
  me: 'Signing in',
  'sign-in': 'Signing in'
}

/** Calls on what an owner has are about that: `/api/v1/owners/{owner}/tokens` is about tokens. */
function sectionOf(path: string): string {
  if (path.startsWith('/auth/') || path === '/claim') return 'Signing in'
  const [, noun = ''] = /^\/api\/v1\/(?:owners\/\{owner\}\/)?([a-z-]+)/.exec(path) ?? []
  if (noun === '') return 'Without signing in'
  const words = noun.replaceAll('-', ' ')
  return sections[noun] ?? words.charAt(0).toUpperCase() + words.slice(1)
}

/** @param names of things, by what they look like: an answer that is one of them is not told again */
function callOf(method: string, path: string, operation: Operation, names: ReadonlyMap<string, string>): Call {
  const parameters = operation.parameters ?? []
  const [body] = Object.values(operation.requestBody?.content ?? {})
  const [, response] = Object.entries(operation.responses ?? {}).find(([code]) => code !== 'default') ?? []
  const [type, content] = Object.entries(response?.content ?? {})[0] ?? ['', {}]
  const schema = content.schema ?? {}
  const shape = typeOf(schema)
  const name = names.get(shape)
  const isLong = name === undefined && shape.length > 120
  const answer = type === 'application/json' ? (name ?? shape) : type
  return {
    method: method.toUpperCase(),
    path: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    summary: operation.summary ?? '',
    query: parameters
      .filter((parameter) => parameter.in === 'query')
      .map(({ name, required = false, description, schema = {} }) => ({
        name,
        type: typeOf(schema),
        isRequired: required && schema.default === undefined,
        about: description ?? aboutOf(schema)
      })),
    body: body?.schema === undefined ? [] : fieldsOf(body.schema),
    answer: response === undefined || isLong ? '' : answer,
    answerFields: isLong ? fieldsOf(schema) : []
  }
}

function fieldsOf(schema: Schema): FieldOfCall[] {
  const all = [schema, ...(schema.allOf ?? [])]
  return all.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties).map(([name, property]) => ({
      name,
      type: typeOf(property),
      isRequired: required.includes(name) && property.default === undefined,
      about: aboutOf(property)
    }))
  )
}

function aboutOf({ description = '', default: value, minimum, maximum }: Schema): string {
  const range = minimum !== undefined && maximum !== undefined ? `${minimum} to ${maximum}` : ''
  const preset = value === undefined ? '' : `default ${JSON.stringify(value)}`
  return [description, [range, preset].filter(Boolean).join(', ')].filter(Boolean).join('; ')
}

/** In words that need no knowledge of JSON Schema. */
function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ')
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeOf))].join(' or ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`
  if (schema.properties !== undefined) {
    const fields = Object.entries(schema.properties).map(([name, property]) => `${name}: ${typeOf(property)}`)
    return `{ ${fields.join(', ')} }`
  }
  const [values] = Object.values(schema.patternProperties ?? {})
  const others = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  const each = values ?? others
  if (each !== undefined) return `${typeOf(each)} by name`
  const types = [schema.type ?? 'anything'].flat().map((type) => (type === 'string' ? 'text' : type))
  return types.join(' or ')
}
