// The environment variables of OpenFaaS's templates and its watchdog, with their defaults.
const sizeUnits = { '': 1, b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }
const timeUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const defaultBodyLimit = 100 * 1024

export function readSettings(env) {
  return {
    port: Number(env.port || 8080),
    isRawBody: env.RAW_BODY === 'true',
    rawLimitBytes: size(env.MAX_RAW_SIZE, 'MAX_RAW_SIZE'),
    jsonLimitBytes: size(env.MAX_JSON_SIZE, 'MAX_JSON_SIZE'),
    /** Handlers written for Express 4 know nested queries, and {} where there is no body. */
    isExpress4: env.handler_requests === 'express4',
    /** 0: as many as come. */
    inFlightLimit: Number(env.max_inflight || 0),
    /** 0: as long as it takes. */
    execTimeoutMs: duration(env.exec_timeout, 0, 'exec_timeout'),
    writeTimeoutMs: duration(env.write_timeout, 60_000, 'write_timeout'),
    /** How long a stopping function still takes new requests, so that whoever sends them can notice. */
    lameDuckMs: 400
  }
}

function size(text, name) {
  if (!text) return defaultBodyLimit
  const match = /^(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?$/i.exec(text.trim())
  if (match === null) throw new Error(`${name}: "${text}" is not a size like "100kb" or "2mb"`)
  return Math.floor(Number(match[1]) * sizeUnits[(match[2] ?? '').toLowerCase()])
}

function duration(text, fallback, name) {
  if (!text) return fallback
  if (/^\d+$/.test(text)) return Number(text) * 1000
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) throw new Error(`${name}: "${text}" is not a duration like "30s" or "5m"`)
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) total += Number(amount) * timeUnits[unit]
  return total
}
