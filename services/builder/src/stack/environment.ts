import { parseDuration, type SourceLocation } from '@slipway/domain'
import { failureAt, quote } from './location.ts'
import type { Field } from './reader.ts'

const entryLimit = 1000
/** The kernel takes no single variable larger than this, and the cluster's records no larger sum. */
const bytesLimit = 128 * 1024
const defaultWriteTimeoutMs = 60_000
const writeTimeoutLimitMs = 24 * 3_600_000

/** Variables of one `environment` map. @throws Failure `invalid-stack` for a name that no process could have; `limit-exceeded` */
export function admitEnvironment(entries: { key: string; value: string; field: Field }[]): Record<string, string> {
  const environment: [string, string][] = []
  for (const { key, value, field } of entries) {
    if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/.test(key)) {
      throw failureAt(
        'invalid-stack',
        field.at,
        `${quote(key)} is not the name of an environment variable: letters, digits, "_", "." and "-"`
      )
    }
    if (value.includes('\0')) throw failureAt('invalid-stack', field.at, `${field.name}: holds a NUL character`)
    environment.push([key, value])
  }
  const at = entries[0]?.field.at
  if (at !== undefined) checkEnvironmentSize(environment, at)
  return Object.fromEntries(environment)
}

/** @throws Failure `limit-exceeded` */
export function checkEnvironmentSize(entries: [string, string][], at: SourceLocation): void {
  if (entries.length > entryLimit)
    throw failureAt('limit-exceeded', at, `more than ${entryLimit} environment variables`)
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value) + 2, 0)
  if (bytes > bytesLimit) {
    throw failureAt(
      'limit-exceeded',
      at,
      `the environment has ${bytes} bytes, ${bytesLimit} are allowed: put large values in files`
    )
  }
}

/** How long a request may take, from the variable that of-watchdog reads. */
export function writeTimeoutOf(environment: Readonly<Record<string, string>>, at: SourceLocation): number {
  const text = environment.write_timeout
  if (text === undefined || text === '') return defaultWriteTimeoutMs
  const ms = parseDuration(text)
  if (ms === null || ms === 0 || ms > writeTimeoutLimitMs) {
    throw failureAt(
      'invalid-stack',
      at,
      `environment.write_timeout: ${quote(text)} is not a duration like "30s" or "5m", at most 24 hours`
    )
  }
  return ms
}
