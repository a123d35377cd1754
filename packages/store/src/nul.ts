/**
 * A text without NUL characters, which PostgreSQL cannot store and strangers like to send:
 * in commit messages, in build output, in what a dying container printed.
 */
export function withoutNul(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value
}
