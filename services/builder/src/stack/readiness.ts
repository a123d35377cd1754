import { parseDuration, type Readiness, type SourceLocation } from '@slipway/domain'
import { failureAt, type Located, quote } from './location.ts'

const defaultPath = '/_/health'
/** Where of-watchdog says whether the process behind it does, which it asks on the path that the variable `ready_path` names. */
const watchdogPath = '/_/ready'
const defaultPeriodMs = 250
const defaultTimeoutMs = 1000
/** How long a function that says nothing about it may fail before it counts as broken. */
const patienceMs = 30_000
const durationLimitMs = 10 * 60_000

/**
 * When a new replica counts as ready, from the annotations of OpenFaaS: `com.openfaas.ready.http.*`, else `com.openfaas.health.http.*`.
 * Times are seconds or durations. An image with of-watchdog that has the variable `ready_path` needs no annotation. The path may still come from the template (`withTemplate`).
 *
 * @throws Failure `invalid-stack` at the annotation.
 */
export function readinessOf(
  annotations: ReadonlyMap<string, Located<string>>,
  environment: Readonly<Record<string, string>>
): Readiness {
  const find = (...names: string[]) => {
    for (const kind of ['ready', 'health']) {
      for (const name of names) {
        const key = `com.openfaas.${kind}.http.${name}`
        const found = annotations.get(key)
        if (found !== undefined) return { key, ...found }
      }
    }
    return null
  }
  const path = find('path')
  if (path !== null && !/^\/[!-~]{0,1023}$/.test(path.value)) {
    throw failureAt(
      'invalid-stack',
      path.at,
      `annotation ${path.key}: ${quote(path.value)} is not a path: it begins with "/" and holds no spaces`
    )
  }
  const periodMs = duration(find('periodSeconds', 'period'), 50) ?? defaultPeriodMs
  return {
    ...pathOf(path, environment),
    initialDelayMs: duration(find('initialDelaySeconds', 'initialDelay'), 0) ?? 0,
    periodMs,
    timeoutMs: duration(find('timeoutSeconds', 'timeout'), 50) ?? defaultTimeoutMs,
    successThreshold: threshold(find('successThreshold')) ?? 1,
    failureThreshold: threshold(find('failureThreshold')) ?? Math.max(3, Math.ceil(patienceMs / periodMs))
  }
}

function pathOf(
  annotation: Annotation | null,
  environment: Readonly<Record<string, string>>
): Pick<Readiness, 'path' | 'pathSource'> {
  if (annotation !== null) return { path: annotation.value, pathSource: `the annotation ${annotation.key}` }
  if (environment.ready_path) return { path: watchdogPath, pathSource: 'the variable ready_path of of-watchdog' }
  return { path: defaultPath, pathSource: 'the default' }
}

interface Annotation {
  key: string
  value: string
  at: SourceLocation
}

function duration(annotation: Annotation | null, minimum: number): number | null {
  if (annotation === null) return null
  const ms = parseDuration(annotation.value)
  if (ms === null || ms < minimum || ms > durationLimitMs) {
    throw failureAt(
      'invalid-stack',
      annotation.at,
      `annotation ${annotation.key}: ${quote(annotation.value)} is not a number of seconds or a duration like "30s", from ${minimum} ms to 10 minutes`
    )
  }
  return ms
}

function threshold(annotation: Annotation | null): number | null {
  if (annotation === null) return null
  if (!/^[1-9]\d{0,2}$/.test(annotation.value)) {
    throw failureAt(
      'invalid-stack',
      annotation.at,
      `annotation ${annotation.key}: ${quote(annotation.value)} is not a number from 1 to 999`
    )
  }
  return Number(annotation.value)
}
