import { commonSettings } from '@slipway/service/settings'
import Type, { type Static } from 'typebox'

/** The gateway's settings. Time limits of a call are its function's own (`write_timeout`). */
export const GatewayConfig = Type.Object({
  ...commonSettings,
  GATEWAY_HOST: Type.String({ default: '127.0.0.1' }),
  GATEWAY_PORT: Type.Integer({ default: 8080, minimum: 0, maximum: 65_535 }),
  /** Several gateways share the port: a new one takes over from an old one without a gap. */
  GATEWAY_REUSE_PORT: Type.Boolean({ default: false }),
  /** Functions answer on `<slug>.<this>`; every other host name is the gateway's own. */
  FUNCTIONS_DOMAIN: Type.String({
    default: 'localhost',
    pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$'
  }),
  /** How long the head of a request may take to arrive. Its body has as long as its function. */
  HEAD_TIMEOUT_MS: Type.Integer({ default: 10_000, minimum: 100 }),
  /** A larger request body is answered 413. */
  BODY_LIMIT_BYTES: Type.Integer({ default: 100 * 1024 * 1024, minimum: 0 }),
  /** Calls that one function may have at a time through this gateway; more are answered 429. */
  IN_FLIGHT_LIMIT: Type.Integer({ default: 1000, minimum: 1 }),
  /** Addresses and networks (`10.0.0.0/8, ::1`) whose `X-Forwarded-*` are believed. */
  TRUSTED_PROXIES: Type.String({ default: '' }),
  /** Addresses and networks that may read `/metrics`. */
  METRICS_PEERS: Type.String({ default: '127.0.0.0/8, ::1' }),
  /** How long calls may go on after a stop was asked for. */
  STOP_GRACE_MS: Type.Integer({ default: 8000, minimum: 0 })
})
export type GatewayConfig = Static<typeof GatewayConfig>
