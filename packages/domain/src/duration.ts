const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Go's durations (`1m30s`, `500ms`), or a bare number of seconds as of-watchdog reads it. In milliseconds; null when it is neither. */
export function parseDuration(text: string): number | null {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  if (text.length > 40 || !/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return null
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (units[unit ?? ''] ?? 0)
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : null
}
