import { Failure, type FailureCode, type SourceLocation } from '@slipway/domain'

/** A value together with the place in the repository that it was written at. */
export interface Located<T> {
  value: T
  at: SourceLocation
}

/** A failure that points at the line that has to change: `stack.yml:3:5: …`. */
export function failureAt(code: FailureCode, at: SourceLocation, message: string, cause?: unknown): Failure {
  const options = cause === undefined ? { location: at } : { location: at, cause }
  return new Failure(code, `${at.path}:${at.line}:${at.column}: ${message}`, options)
}

/** What strangers wrote, fit for a message: quoted, escaped and cut. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
