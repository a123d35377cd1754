import { parseDuration } from './duration.ts'

/*
 * When an asynchronous call is tried again. Without schemas, for the gateway's process is to be small.
 */

export interface RetryPolicy {
  /** Tries in all, the first included. */
  attempts: number
  /** Answers after which there is another try. */
  codes: readonly number[]
  minWaitMs: number
  maxWaitMs: number
}

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 10,
  codes: [408, 429, 500, 502, 503, 504],
  minWaitMs: 10_000,
  maxWaitMs: 120_000
}

const prefix = 'com.openfaas.retry.'
const longestMs = 24 * 3600_000

/** What a function's annotations say, under OpenFaaS' names; what cannot be read counts as not said. */
export function retryPolicyOf(annotations: Readonly<Record<string, string>>): RetryPolicy {
  const said = (name: string) => annotations[`${prefix}${name}`] ?? ''
  const wait = (name: string, fallback: number) => Math.min(parseDuration(said(name)) ?? fallback, longestMs)
  const attempts = /^\d{1,3}$/.test(said('attempts')) ? Number(said('attempts')) : null
  const codes = /^\s*\d{3}(?:\s*,\s*\d{3})*\s*$/.test(said('codes')) ? said('codes').split(',').map(Number) : null
  const minWaitMs = wait('min_wait', defaultRetryPolicy.minWaitMs)
  return {
    attempts: Math.max(1, attempts ?? defaultRetryPolicy.attempts),
    codes: codes ?? defaultRetryPolicy.codes,
    minWaitMs,
    maxWaitMs: Math.max(minWaitMs, wait('max_wait', defaultRetryPolicy.maxWaitMs))
  }
}

/** How long until the next try after `made` ones: doubled each time, and as long as the function asked for, within the limit. */
export function retryWaitMs({ minWaitMs, maxWaitMs }: RetryPolicy, made: number, askedMs: number | null): number {
  return Math.min(maxWaitMs, Math.max(minWaitMs * 2 ** Math.min(made - 1, 30), askedMs ?? 0))
}
