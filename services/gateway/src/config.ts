import { resolve } from 'node:path'
import { Failure } from '@slipway/domain/failure'

/** The gateway's settings, named as in the environment. Time limits of a call are its function's own (`write_timeout`). */
export interface GatewayConfig {
  /** Where this installation keeps its files. */
  SLIPWAY_HOME: string
  LOG_LEVEL: string
  /** PostgreSQL; null: the SQLite file under SLIPWAY_HOME. */
  DATABASE_URL: string | null
  REDIS_URL: string
  QUEUE_PREFIX: string
  GATEWAY_HOST: string
  GATEWAY_PORT: number
  /** Several gateways share the port: a new one takes over from an old one without a gap. */
  GATEWAY_REUSE_PORT: boolean
  /** Functions answer on `<slug>.<this>`; every other host name is the gateway's own. */
  FUNCTIONS_DOMAIN: string
  /** How long the head of a request may take to arrive. Its body has as long as its function. */
  HEAD_TIMEOUT_MS: number
  /** A larger request body is answered 413. */
  BODY_LIMIT_BYTES: number
  /** Calls that one function may have at a time through this gateway; more are answered 429. */
  IN_FLIGHT_LIMIT: number
  /** Addresses and networks (`10.0.0.0/8, ::1`) whose `X-Forwarded-*` are believed. */
  TRUSTED_PROXIES: string
  /** Addresses and networks that may read `/metrics`. */
  METRICS_PEERS: string
  /** How long calls may go on after a stop was asked for. */
  STOP_GRACE_MS: number
}

const label = '[a-z0-9]([a-z0-9-]*[a-z0-9])?'

/**
 * Reads the settings out of an environment; an empty variable counts as unset. By hand where other services have a schema:
 * the schema library would be a quarter of this process, which is to be small.
 *
 * @throws Failure `invalid-configuration` that names every bad variable, never its value.
 */
export function readConfig(env: Record<string, string | undefined>): GatewayConfig {
  const problems: string[] = []

  function text(name: keyof GatewayConfig, fallback: string, pattern = /^/, must = ''): string {
    const given = env[name] || fallback
    if (given !== '' && !pattern.test(given)) problems.push(`${name} must ${must}`)
    return given
  }
  function integer(name: keyof GatewayConfig, fallback: number, minimum: number, maximum: number): number {
    const given = env[name] || String(fallback)
    const value = /^\d+$/.test(given) ? Number(given) : Number.NaN
    if (!(value >= minimum && value <= maximum)) problems.push(`${name} must be an integer of ${minimum} to ${maximum}`)
    return value
  }

  const config: GatewayConfig = {
    SLIPWAY_HOME: text('SLIPWAY_HOME', '.slipway'),
    LOG_LEVEL: text(
      'LOG_LEVEL',
      'info',
      /^(fatal|error|warn|info|debug|trace|silent)$/,
      'be fatal, error, warn, info, debug, trace or silent'
    ),
    DATABASE_URL: text('DATABASE_URL', '', /^postgres(ql)?:\/\//, 'begin with postgres://') || null,
    REDIS_URL: text('REDIS_URL', 'redis://127.0.0.1:6379', /^rediss?:\/\//, 'begin with redis:// or rediss://'),
    QUEUE_PREFIX: text('QUEUE_PREFIX', 'slipway', /^[\w-]+$/, 'hold letters, digits, - and _ only'),
    GATEWAY_HOST: text('GATEWAY_HOST', '127.0.0.1'),
    GATEWAY_PORT: integer('GATEWAY_PORT', 8080, 0, 65_535),
    GATEWAY_REUSE_PORT: text('GATEWAY_REUSE_PORT', 'false', /^(true|false)$/, 'be true or false') === 'true',
    FUNCTIONS_DOMAIN: text(
      'FUNCTIONS_DOMAIN',
      'localhost',
      new RegExp(`^${label}(\\.${label})*$`),
      'be a domain in lower case'
    ),
    HEAD_TIMEOUT_MS: integer('HEAD_TIMEOUT_MS', 10_000, 100, 600_000),
    BODY_LIMIT_BYTES: integer('BODY_LIMIT_BYTES', 100 * 1024 * 1024, 0, Number.MAX_SAFE_INTEGER),
    IN_FLIGHT_LIMIT: integer('IN_FLIGHT_LIMIT', 1000, 1, 1_000_000),
    TRUSTED_PROXIES: text('TRUSTED_PROXIES', ''),
    METRICS_PEERS: text('METRICS_PEERS', '127.0.0.0/8, ::1'),
    STOP_GRACE_MS: integer('STOP_GRACE_MS', 8000, 0, 600_000)
  }
  if (problems.length > 0) {
    throw new Failure('invalid-configuration', `the configuration is not valid:\n  ${problems.join('\n  ')}`)
  }
  return { ...config, SLIPWAY_HOME: resolve(config.SLIPWAY_HOME) }
}
