import { Failure } from '@slipway/domain'
import type { Static, TObject } from 'typebox'
import Value from 'typebox/value'

/**
 * Reads one service's settings out of an environment. An empty variable counts as unset.
 *
 * @throws Failure `invalid-configuration` that names every bad variable, never its value.
 */
export function loadConfig<S extends TObject>(schema: S, env: Record<string, string | undefined>): Static<S> {
  const given = Object.fromEntries(
    Object.keys(schema.properties).flatMap((key) =>
      env[key] === undefined || env[key] === '' ? [] : [[key, env[key]]]
    )
  )
  const config: unknown = Value.Convert(schema, Value.Default(schema, given))
  if (Value.Check(schema, config)) return config
  const problems = Value.Errors(schema, config).map((problem) => {
    const missing = (problem.params as { requiredProperties?: string[] }).requiredProperties
    return missing === undefined
      ? `${problem.instancePath.slice(1)} ${problem.message}`
      : `${missing.join(', ')} must be set`
  })
  throw new Failure(
    'invalid-configuration',
    `the configuration is not valid:\n  ${[...new Set(problems)].join('\n  ')}`
  )
}
