import { parseDuration } from './duration.ts'
import { Failure } from './failure.ts'
import type { FunctionSpec } from './stack.ts'

/** Who gets a variable: everything of an owner, of one repository, or one function. The narrower one wins. */
export type VariableScope =
  | { kind: 'owner' }
  | { kind: 'repository'; repositoryId: string }
  | { kind: 'function'; functionName: string }

/** `runtime`: in the function's environment. `build`: for `${NAME}` in `stack.yml`, and a build argument where the policy lets it be one. */
export type VariableUse = 'runtime' | 'build'

/** A value outside git. No secret: whoever may see the function's settings sees it. */
export interface Variable {
  scope: VariableScope
  use: VariableUse
  name: string
  value: string
  updatedAt: number
  updatedBy: string
}

/** One value that a function has, and where it comes from. */
export interface ExplainedVariable {
  name: string
  value: string
  source: 'stack.yml' | VariableScope['kind']
  /** The values that it stands over, the nearest first. */
  over: { source: 'stack.yml' | VariableScope['kind']; value: string }[]
}

export const variableLimits = { perScope: 200, valueBytes: 32 * 1024, environmentBytes: 128 * 1024 } as const

const ranks = { owner: 1, repository: 2, function: 3 } as const
const longestWriteTimeoutMs = 24 * 3_600_000

/** @throws Failure `invalid-request` for what no process could have, `limit-exceeded` */
export function checkVariable(use: VariableUse, name: string, value: string): void {
  const isName = use === 'build' ? /^[A-Za-z_][A-Za-z0-9_]{0,254}$/ : /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/
  if (!isName.test(name)) {
    const others = use === 'build' ? 'digits and "_"' : 'digits, "_", "." and "-"'
    throw new Failure('invalid-request', `${JSON.stringify(name)} is not the name of a variable: letters, ${others}`)
  }
  if (value.includes('\0')) throw new Failure('invalid-request', `${name}: the value holds a NUL character`)
  if (new TextEncoder().encode(value).length > variableLimits.valueBytes) {
    throw new Failure('limit-exceeded', `${name}: a value has at most ${variableLimits.valueBytes} bytes`)
  }
  if (use === 'runtime' && name === 'write_timeout' && value !== '' && !isWriteTimeout(value)) {
    throw new Failure('invalid-request', 'write_timeout is not a duration like "30s" or "5m", at most 24 hours')
  }
}

function isWriteTimeout(value: string): boolean {
  const ms = parseDuration(value)
  return ms !== null && ms > 0 && ms <= longestWriteTimeoutMs
}

/** Those that concern one function of a repository (or, with null, the whole repository), the broadest first. */
export function variablesFor(
  variables: readonly Variable[],
  of: { repositoryId: string | null; functionName: string | null; use: VariableUse }
): Variable[] {
  return variables
    .filter(({ scope, use }) => {
      if (use !== of.use) return false
      if (scope.kind === 'repository') return scope.repositoryId === of.repositoryId
      return scope.kind === 'owner' || scope.functionName === of.functionName
    })
    .toSorted((a, b) => ranks[a.scope.kind] - ranks[b.scope.kind] || (a.name < b.name ? -1 : 1))
}

/** Names and values, narrower scopes over broader ones. */
export function valuesOf(variables: readonly Variable[]): Record<string, string> {
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]))
}

/**
 * What a function runs with: what `stack.yml` says, and the variables over it.
 *
 * @param variables as `variablesFor` gives them
 * @throws Failure `limit-exceeded` when they are too much together
 */
export function specWithVariables(declared: FunctionSpec, variables: readonly Variable[]): FunctionSpec {
  if (variables.length === 0) return declared
  const environment = { ...declared.environment, ...valuesOf(variables) }
  const size = Object.entries(environment).reduce((sum, [name, value]) => sum + name.length + value.length + 2, 0)
  if (size > variableLimits.environmentBytes) {
    throw new Failure(
      'limit-exceeded',
      `the environment of "${declared.name}" has ${size} characters with its variables, ${variableLimits.environmentBytes} are allowed`
    )
  }
  const timeout = variables.some(({ name }) => name === 'write_timeout')
    ? parseDuration(environment.write_timeout ?? '')
    : null
  return { ...declared, environment, writeTimeoutMs: timeout ?? declared.writeTimeoutMs }
}

/** Each value of a function's environment with its source, in the order of their names. */
export function explainEnvironment(
  declared: Readonly<Record<string, string>>,
  variables: readonly Variable[]
): ExplainedVariable[] {
  const found = new Map<string, ExplainedVariable['over']>()
  const layers = [
    ...Object.entries(declared).map(([name, value]) => ({ name, value, source: 'stack.yml' as const })),
    ...variables.map(({ name, value, scope }) => ({ name, value, source: scope.kind }))
  ]
  for (const { name, value, source } of layers) found.set(name, [{ source, value }, ...(found.get(name) ?? [])])
  return [...found]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, [top, ...over]]) => (top === undefined ? [] : [{ name, ...top, over }]))
}
