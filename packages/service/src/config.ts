import { Failure } from '@slipway/domain'
import type { Static, TObject } from 'typebox'
import Value from 'typebox/value'
import { wantedOf } from './setting.ts'
import { withSettingFiles } from './setting-files.ts'

export interface SettingProblem {
  name: string
  /** What it has to be; never what it is. */
  message: string
}

/**
 * Reads one service's settings out of an environment. An empty variable counts as unset.
 *
 * @throws Failure `invalid-configuration` that names every bad variable, never its value.
 */
export function loadConfig<S extends TObject>(schema: S, env: Record<string, string | undefined>): Static<S> {
  const config = valuesOf(schema, env)
  if (Value.Check(schema, config)) return config
  throw new Failure(
    'invalid-configuration',
    `the configuration is not valid:\n  ${problemsOf(schema, config)
      .map(({ message }) => message)
      .join('\n  ')}`
  )
}

/** Every bad setting of an environment. None: `loadConfig` takes it. */
export function checkConfig(schema: TObject, env: Record<string, string | undefined>): SettingProblem[] {
  const config = valuesOf(schema, env)
  return Value.Check(schema, config) ? [] : problemsOf(schema, config)
}

/** What an environment has of a schema, itself or in the files that it names. */
function valuesOf(schema: TObject, environment: Record<string, string | undefined>): unknown {
  const names = Object.keys(schema.properties)
  const env = withSettingFiles(environment, names)
  const given = names.flatMap((key) => (env[key] ? [[key, env[key]]] : []))
  return Value.Convert(schema, Value.Default(schema, Object.fromEntries(given)))
}

/** What is wrong with settings, by their names, each with what it has to be; never a value. */
function problemsOf(schema: TObject, config: unknown): SettingProblem[] {
  const names = Value.Errors(schema, config).flatMap((problem) => {
    const missing = (problem.params as { requiredProperties?: string[] }).requiredProperties
    return missing ?? [problem.instancePath.slice(1)]
  })
  const given = config as Record<string, unknown>
  return [...new Set(names)].map((name) => {
    const wanted = wantedOf(schema.properties[name] ?? {})
    return { name, message: given[name] === undefined ? `${name} must be set: ${wanted}` : `${name} must be ${wanted}` }
  })
}
