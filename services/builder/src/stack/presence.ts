import { failureAt, type Located } from './location.ts'
import type { Field, Reader } from './reader.ts'

/** The text of a field without spaces around it; null when there is none. */
export function optional(field: Field, reader: Reader): Located<string> | null {
  const located = reader.located(field)
  return located.value.trim() === '' ? null : { ...located, value: located.value.trim() }
}

/** @throws Failure `invalid-stack` saying what was expected. */
export function required(field: Field, reader: Reader, what: string): Located<string> {
  const located = optional(field, reader)
  if (located === null) throw failureAt('invalid-stack', field.at, `${field.name}: expected ${what}`)
  return located
}
