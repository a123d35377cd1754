/** What of a setting's schema can be told in words. No library, for the gateway has settings, too. */
export interface SettingSchema {
  readonly type?: string
  readonly description?: string
  readonly default?: string | number | boolean
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  /** What the pattern asks for, in words. */
  readonly expected?: string
  readonly minLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
}

/** Patterns that several settings have, in words; others are shown as they are. */
const patterns: Readonly<Record<string, string>> = {
  '^https?://': 'an http(s) address',
  '^https?://[^/?#\\s]+[^?#\\s]*$': 'an http(s) address',
  '^rediss?://': 'an address that begins with redis:// or rediss://',
  '^postgres(ql)?://': 'an address that begins with postgres://',
  '^/': 'an absolute path',
  '^whsec_': 'a token that begins with whsec_',
  '-----BEGIN [A-Z ]*PRIVATE KEY-----': 'a private key as PEM',
  '^[A-Za-z0-9_-]+$': 'made of letters, digits, - and _'
}

/** What a value has to be: `PORT must be …`. */
export function wantedOf(schema: SettingSchema): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'integer') return `an integer${rangeOf(schema)}`
  if (schema.type === 'number') return `a number${rangeOf(schema)}`
  if (schema.pattern !== undefined)
    return schema.expected ?? patterns[schema.pattern] ?? `text that matches ${schema.pattern}`
  const { minLength = 0 } = schema
  return minLength > 1 ? `text of at least ${minLength} characters` : 'text'
}

function rangeOf({ minimum, exclusiveMinimum, maximum }: SettingSchema): string {
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}`
  if (minimum !== undefined && maximum !== undefined) return ` of ${minimum} to ${maximum}`
  return minimum === undefined ? '' : ` of at least ${minimum}`
}
