import type { StackWarning } from '@slipway/domain'
import { readYaml } from './document.ts'
import { configurationFields, droppedFields, namesOf, providerFields, rootFields, templateFields } from './fields.ts'
import { readFunction, type StackFunction } from './function.ts'
import { failureAt, type Located, quote } from './location.ts'
import type { StackPolicy } from './policy.ts'
import { createReader, type Field, type Reader } from './reader.ts'

/** One entry of `configuration.templates`. */
export interface TemplateSource {
  /** The template that it is listed for; null: whatever is in it. */
  name: string | null
  source: Located<string>
}

/** A repository's `stack.yml`, read. */
export interface Stack {
  /** The file that it was read from, within the repository. */
  file: string
  functions: StackFunction[]
  templates: TemplateSource[]
  /** `configuration.copy`: as written, confined only when they are opened. */
  copy: Located<string>[]
  warnings: StackWarning[]
}

export interface StackOptions {
  /** Path of the stack file within the repository, for messages. */
  file: string
  slug: string
  /** The engine's own platform, `linux/amd64`. */
  platform: string
  /** Build variables for `${NAME}`; those that the policy allows are build arguments as well. */
  variables: Readonly<Record<string, string>>
  /** Those of single functions, by the function's name; they go over the others there. */
  functionVariables?: Readonly<Record<string, Readonly<Record<string, string>>>>
  policy: StackPolicy
}

/**
 * Reads OpenFaaS's `stack.yml` strictly: what is not understood is an error with its line, what is understood and not used is a warning.
 *
 * @throws Failure `invalid-stack`, `unsupported`, `limit-exceeded` or `unsafe-path`, each with the line and column it is about.
 */
export function parseStack(text: string, options: StackOptions): Stack {
  const { file, slug, platform, variables, policy } = options
  const document = readYaml(text, file)
  const warnings: StackWarning[] = []
  const reader = createReader(document, variables, warnings)
  const at = { path: file, line: 1, column: 1 }
  if (document.root === null) throw failureAt('invalid-stack', at, 'the file is empty: it needs "functions"')
  const root: Field = { name: '', at, node: document.root }
  const found = reader.fields(root, namesOf(rootFields))
  readVersion(found.get('version'), reader)
  readProvider(found.get('provider'), reader)

  const functions = found.get('functions')
  const entries = functions === undefined ? [] : reader.entries(functions)
  if (entries.length === 0) {
    throw failureAt(
      'invalid-stack',
      functions?.at ?? at,
      'no functions: add one under "functions", with lang and handler'
    )
  }
  if (entries.length > policy.functionLimit) {
    throw failureAt(
      'limit-exceeded',
      functions?.at ?? at,
      `${entries.length} functions are more than the ${policy.functionLimit} that one stack may have`
    )
  }
  return {
    file,
    functions: entries.map(({ key, field }) => {
      const own = variablesOf(options, key)
      return reader.under(own, () => readFunction(key, field, { reader, slug, platform, policy, variables: own }))
    }),
    ...readConfiguration(found.get('configuration'), reader),
    warnings
  }
}

/** The build variables that one function sees. */
export function variablesOf(
  { variables, functionVariables = {} }: Pick<StackOptions, 'variables' | 'functionVariables'>,
  functionName: string
): Readonly<Record<string, string>> {
  const own = Object.hasOwn(functionVariables, functionName) ? functionVariables[functionName] : undefined
  return own === undefined ? variables : { ...variables, ...own }
}

function readVersion(field: Field | undefined, reader: Reader): void {
  if (field === undefined) return
  const { value, at } = reader.located(field)
  if (!['', '1.0', '1'].includes(value))
    throw failureAt('invalid-stack', at, `version: ${quote(value)} is not known: expected 1.0`)
}

function readProvider(field: Field | undefined, reader: Reader): void {
  if (field === undefined) return
  const found = reader.fields(field, namesOf(providerFields), droppedFields.provider)
  const name = found.get('name')
  if (name === undefined) return
  const { value, at } = reader.located(name)
  if (!['', 'openfaas', 'faas'].includes(value)) {
    throw failureAt('invalid-stack', at, `provider.name: ${quote(value)} is not known: expected openfaas`)
  }
}

function readConfiguration(field: Field | undefined, reader: Reader): Pick<Stack, 'templates' | 'copy'> {
  if (field === undefined) return { templates: [], copy: [] }
  const found = reader.fields(field, namesOf(configurationFields))
  const templates = found.get('templates')
  const copy = found.get('copy')
  return {
    templates: (templates === undefined ? [] : reader.list(templates)).map((item) => {
      const fields = reader.fields(item, namesOf(templateFields))
      const name = fields.get('name')
      const source = fields.get('source')
      if (source === undefined)
        throw failureAt('invalid-stack', item.at, `${item.name}: expected a source, the address of a git repository`)
      return { name: name === undefined ? null : reader.text(name) || null, source: reader.located(source) }
    }),
    copy: (copy === undefined ? [] : reader.list(copy)).map((item) => reader.located(item))
  }
}
