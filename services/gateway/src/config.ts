import { resolve } from 'node:path'
import { Failure } from '@slipway/domain/failure'
import { type SettingSchema, wantedOf } from '@slipway/service/setting'
import { withSettingFiles } from '@slipway/service/setting-files'

/** The gateway's settings, named as in the environment. What they mean is told below. */
export interface GatewayConfig {
  SLIPWAY_HOME: string
  LOG_LEVEL: string
  /** PostgreSQL; null: the SQLite file under SLIPWAY_HOME. */
  DATABASE_URL: string | null
  REDIS_URL: string
  QUEUE_PREFIX: string
  GATEWAY_HOST: string
  GATEWAY_PORT: number
  GATEWAY_REUSE_PORT: boolean
  INNER_PORT: number
  /** null: that of the calls from outside. */
  INNER_HOST: string | null
  /** null: functions do not run on Kubernetes, or do not call by the gateway's names. */
  KUBERNETES_INNER_GATEWAY: string | null
  KUBECONFIG: string | null
  API_URL: string | null
  FUNCTIONS_DOMAIN: string
  HEAD_TIMEOUT_MS: number
  BODY_LIMIT_BYTES: number
  IN_FLIGHT_LIMIT: number
  START_TIMEOUT_MS: number
  ASYNC_BODY_LIMIT_BYTES: number
  ASYNC_HELD_LIMIT_BYTES: number
  ASYNC_CONCURRENCY: number
  ASYNC_WAITING_LIMIT: number
  CALLBACK_LOOPBACK: string
  TRUSTED_PROXIES: string
  METRICS_PEERS: string
  STOP_GRACE_MS: number
  OTEL_EXPORTER_OTLP_ENDPOINT: string | null
  OTEL_EXPORTER_OTLP_HEADERS: string
  TRACES_RATIO: number
}

const label = '[a-z0-9]([a-z0-9-]*[a-z0-9])?'

/**
 * As the schemas of other services are, written by hand: the schema library would be a quarter of this process, which is to be small.
 * Time limits of a call are its function's own (`write_timeout`).
 */
export const gatewaySettings = {
  SLIPWAY_HOME: { type: 'string', default: '.slipway' },
  LOG_LEVEL: { enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], default: 'info' },
  DATABASE_URL: { type: 'string', pattern: '^postgres(ql)?://' },
  REDIS_URL: { type: 'string', default: 'redis://127.0.0.1:6379', pattern: '^rediss?://' },
  QUEUE_PREFIX: { type: 'string', default: 'slipway', pattern: '^[A-Za-z0-9_-]+$' },
  GATEWAY_HOST: { type: 'string', default: '127.0.0.1', description: 'Where functions are called.' },
  GATEWAY_PORT: {
    type: 'integer',
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: '`slipway up` chooses one once and keeps it.'
  },
  GATEWAY_REUSE_PORT: {
    type: 'boolean',
    default: false,
    description: 'Several gateways share the port: a new one takes over from an old one without a gap.'
  },
  INNER_PORT: {
    type: 'integer',
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description:
      'Functions call each other by `http://gateway:<this>/function/<name>`, at the address of their own network (`CLUSTER=docker`). 0: they do not. With `KUBERNETES_INNER_GATEWAY` what they call on port 8080 comes to this one.'
  },
  INNER_HOST: {
    type: 'string',
    description: 'Where that port is with `KUBERNETES_INNER_GATEWAY`; unset: at `GATEWAY_HOST`.'
  },
  KUBERNETES_INNER_GATEWAY: {
    type: 'string',
    description:
      'As for the deployer. Set: functions are known by the addresses of their pods, which the API server tells (EndpointSlices of all namespaces: list, watch).'
  },
  KUBECONFIG: { type: 'string', description: 'As for the deployer.' },
  API_URL: {
    type: 'string',
    pattern: '^https?://[^/?#@]+/?$',
    description: "Address of the status API, to which OpenFaaS' `/system/…` is passed on. `slipway up` sets it.",
    expected: 'an http address without a path'
  },
  FUNCTIONS_DOMAIN: {
    type: 'string',
    default: 'localhost',
    pattern: `^${label}(\\.${label})*$`,
    description: "Functions answer on `<owner>.<this>`; every other host name is the gateway's own.",
    expected: 'a domain in lower case'
  },
  HEAD_TIMEOUT_MS: {
    type: 'integer',
    default: 10_000,
    minimum: 100,
    maximum: 600_000,
    description: 'How long the head of a request may take to arrive. Its body has as long as its function.'
  },
  BODY_LIMIT_BYTES: {
    type: 'integer',
    default: 100 * 1024 * 1024,
    minimum: 0,
    description: 'A larger request body is answered 413.'
  },
  IN_FLIGHT_LIMIT: {
    type: 'integer',
    default: 1000,
    minimum: 1,
    maximum: 1_000_000,
    description:
      'Calls that one function may have at a time through one gateway, those held until it starts included; as many asynchronous ones may be on their way to Redis. More are answered 429.'
  },
  START_TIMEOUT_MS: {
    type: 'integer',
    default: 60_000,
    minimum: 100,
    maximum: 600_000,
    description: 'How long a call is held for a function that has no replica; then it is answered 503.'
  },
  ASYNC_BODY_LIMIT_BYTES: {
    type: 'integer',
    default: 1024 * 1024,
    minimum: 0,
    maximum: 64 * 1024 * 1024,
    description: 'A larger body of an asynchronous call, which Redis keeps until it is made, is answered 413.'
  },
  ASYNC_HELD_LIMIT_BYTES: {
    type: 'integer',
    default: 64 * 1024 * 1024,
    minimum: 0,
    description:
      'Bodies of asynchronous calls that one gateway holds at a time until Redis has them, at least one of them; where more come, who sends the slowest is answered 429.'
  },
  ASYNC_CONCURRENCY: {
    type: 'integer',
    default: 10,
    minimum: 1,
    maximum: 1000,
    description: 'Asynchronous calls of one function that are made at a time, by all gateways together.'
  },
  ASYNC_WAITING_LIMIT: {
    type: 'integer',
    default: 1000,
    minimum: 1,
    description: 'Asynchronous calls of one function that may wait; more are answered 429, or left out of a schedule.'
  },
  CALLBACK_LOOPBACK: {
    enum: ['on', 'off'],
    default: 'off',
    description: 'Callbacks of asynchronous calls may go to addresses of this machine, too. For trying it out.'
  },
  TRUSTED_PROXIES: {
    type: 'string',
    default: '',
    description: 'Addresses and networks (`10.0.0.0/8, ::1`) whose `X-Forwarded-*` are believed.'
  },
  METRICS_PEERS: {
    type: 'string',
    default: '127.0.0.0/8, ::1',
    description: 'Addresses and networks that may read `/metrics` of the gateway.'
  },
  STOP_GRACE_MS: { type: 'integer', default: 8000, minimum: 0, maximum: 600_000 },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    type: 'string',
    pattern: '^https?://[^?#]+$',
    description: 'A collector of OpenTelemetry: calls are told to it as spans, by OTLP over HTTP. Unset: to nobody.',
    expected: 'an http address'
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    type: 'string',
    default: '',
    description: 'Sent to it: `name=value`, separated by commas.'
  },
  TRACES_RATIO: {
    type: 'string',
    default: '1',
    pattern: '^(0(\\.\\d+)?|1(\\.0+)?)$',
    description: 'How many of the traces are told.',
    expected: 'a number of 0 to 1'
  }
} as const satisfies Record<keyof GatewayConfig, SettingSchema>

/**
 * Reads the settings out of an environment; an empty variable counts as unset.
 *
 * @throws Failure `invalid-configuration` that names every bad variable, never its value.
 */
export function readConfig(environment: Record<string, string | undefined>): GatewayConfig {
  const env = withFiles(environment)
  const problems = gatewayProblems(env)
  if (problems.length > 0) {
    const messages = problems.map(({ message }) => message)
    throw new Failure('invalid-configuration', `the configuration is not valid:\n  ${messages.join('\n  ')}`)
  }
  const text = (name: keyof GatewayConfig) => env[name] || String(schemaOf(name).default ?? '')
  return {
    SLIPWAY_HOME: resolve(text('SLIPWAY_HOME')),
    LOG_LEVEL: text('LOG_LEVEL'),
    DATABASE_URL: text('DATABASE_URL') || null,
    REDIS_URL: text('REDIS_URL'),
    QUEUE_PREFIX: text('QUEUE_PREFIX'),
    GATEWAY_HOST: text('GATEWAY_HOST'),
    GATEWAY_PORT: Number(text('GATEWAY_PORT')),
    GATEWAY_REUSE_PORT: text('GATEWAY_REUSE_PORT') === 'true',
    INNER_PORT: Number(text('INNER_PORT')),
    INNER_HOST: text('INNER_HOST') || null,
    KUBERNETES_INNER_GATEWAY: text('KUBERNETES_INNER_GATEWAY') || null,
    KUBECONFIG: text('KUBECONFIG') || null,
    API_URL: text('API_URL') || null,
    FUNCTIONS_DOMAIN: text('FUNCTIONS_DOMAIN'),
    HEAD_TIMEOUT_MS: Number(text('HEAD_TIMEOUT_MS')),
    BODY_LIMIT_BYTES: Number(text('BODY_LIMIT_BYTES')),
    IN_FLIGHT_LIMIT: Number(text('IN_FLIGHT_LIMIT')),
    START_TIMEOUT_MS: Number(text('START_TIMEOUT_MS')),
    ASYNC_BODY_LIMIT_BYTES: Number(text('ASYNC_BODY_LIMIT_BYTES')),
    ASYNC_HELD_LIMIT_BYTES: Number(text('ASYNC_HELD_LIMIT_BYTES')),
    ASYNC_CONCURRENCY: Number(text('ASYNC_CONCURRENCY')),
    ASYNC_WAITING_LIMIT: Number(text('ASYNC_WAITING_LIMIT')),
    CALLBACK_LOOPBACK: text('CALLBACK_LOOPBACK'),
    TRUSTED_PROXIES: text('TRUSTED_PROXIES'),
    METRICS_PEERS: text('METRICS_PEERS'),
    STOP_GRACE_MS: Number(text('STOP_GRACE_MS')),
    OTEL_EXPORTER_OTLP_ENDPOINT: text('OTEL_EXPORTER_OTLP_ENDPOINT') || null,
    OTEL_EXPORTER_OTLP_HEADERS: text('OTEL_EXPORTER_OTLP_HEADERS'),
    TRACES_RATIO: Number(text('TRACES_RATIO'))
  }
}

/** Every bad setting of an environment, with what it has to be. None: `readConfig` takes it. */
export function gatewayProblems(environment: Record<string, string | undefined>): { name: string; message: string }[] {
  const env = withFiles(environment)
  return (Object.keys(gatewaySettings) as (keyof GatewayConfig)[]).flatMap((name) => {
    const given = env[name]
    const schema = schemaOf(name)
    return !given || isValid(given, schema) ? [] : [{ name, message: `${name} must be ${wantedOf(schema)}` }]
  })
}

const withFiles = (env: Record<string, string | undefined>) => withSettingFiles(env, Object.keys(gatewaySettings))
const schemaOf = (name: keyof GatewayConfig): SettingSchema => gatewaySettings[name]

function isValid(given: string, schema: SettingSchema): boolean {
  if (schema.enum !== undefined) return schema.enum.includes(given)
  if (schema.type === 'boolean') return given === 'true' || given === 'false'
  if (schema.type === 'integer') {
    const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = schema
    return /^\d+$/.test(given) && Number(given) >= minimum && Number(given) <= maximum
  }
  return schema.pattern === undefined || new RegExp(schema.pattern).test(given)
}
