import { forgeApiSettings } from '@slipway/forge'
import { commonSettings, keepSettings, registrySettings, webhookKeySettings } from '@slipway/service'
import Type, { type Static } from 'typebox'
import type { KeepRules } from './clean-up.ts'
import { clusterSettings } from './cluster.ts'

const Days = (days: number) => Type.Number({ default: days, minimum: 0 })

export const DeployerConfig = Type.Object({
  ...commonSettings,
  ...forgeApiSettings,
  ...registrySettings,
  ...clusterSettings,
  BUILD_BRANCH: Type.Optional(Type.String({ minLength: 1 })),
  /** Address of the status API as people reach it; statuses on commits link there. */
  PUBLIC_URL: Type.Optional(Type.String({ pattern: '^https?://' })),
  /** Address of the receiver as forges reach it, where it is another one: `/webhooks/<forge>` is below it. */
  RECEIVER_PUBLIC_URL: Type.Optional(Type.String({ pattern: '^https?://' })),
  /** Address of the gateway as people reach it. */
  GATEWAY_PUBLIC_URL: Type.Optional(Type.String({ pattern: '^https?://' })),
  /** Whose pushes are built: a file or an http(s) address, one login a line; unset: everybody's. */
  ALLOWED_OWNERS: Type.Optional(Type.String({ minLength: 1 })),
  ALLOWED_OWNERS_EVERY_MS: Type.Integer({ default: 60_000, minimum: 100 }),
  /** Builds that run at a time, in all and per owner. */
  BUILD_SLOTS: Type.Integer({ default: 2, minimum: 1 }),
  BUILD_SLOTS_PER_OWNER: Type.Integer({ default: 1, minimum: 1 }),
  DEPLOY_CONCURRENCY: Type.Integer({ default: 4, minimum: 1 }),
  /** How often the forges are asked for heads; unset: every 5 min, or 15 s where the forge cannot reach PUBLIC_URL. */
  HEADS_EVERY_MS: Type.Optional(Type.Integer({ minimum: 100 })),
  /** How long a repository or its branch is gone before its functions are removed. */
  REMOVAL_GRACE_MS: Type.Integer({ default: 3_600_000, minimum: 0 }),
  /** What secrets are encrypted with at rest: `<id>:<base64 of 32 bytes>`, separated by commas, the newest first. Default: a file. */
  ENCRYPTION_KEYS: Type.Optional(Type.String({ minLength: 1 })),
  ...webhookKeySettings,
  /** What is kept for sign-in is encrypted with; `api` opens it. Default: a file. */
  SIGN_IN_KEYS: Type.Optional(Type.String({ minLength: 1 })),
  /** For the whole start of one function's new version: the image, its replicas, until they are ready. */
  ROLLOUT_TIMEOUT_MS: Type.Integer({ default: 1_800_000, minimum: 1000 }),
  /** Notifications may go to addresses of this machine, by plain HTTP, too: for trying it out. */
  NOTIFY_LOOPBACK: Type.Enum(['on', 'off'], { default: 'off' }),
  /** For telling one commit status. */
  STATUS_TIMEOUT_MS: Type.Integer({ default: 60_000, minimum: 1000 }),
  ...keepSettings,
  KEEP_DELIVERIES_DAYS: Days(30),
  KEEP_AUDIT_DAYS: Days(400),
  /** Ended builds and former deployments. The last 20 builds of a repository stay in any case. */
  KEEP_BUILDS_DAYS: Days(90),
  KEEP_BUILDS: Type.Integer({ default: 1000, minimum: 1 }),
  /** Logs of builds. Those of the last 5 builds of a repository stay in any case. */
  KEEP_LOGS_DAYS: Days(30),
  KEEP_LOGS: Type.Integer({ default: 200, minimum: 1 }),
  /** Images in the registry that nothing needs, since a build last used them. */
  KEEP_IMAGES_DAYS: Days(7),
  LEASE_MS: Type.Integer({ default: 15_000, minimum: 1000 }),
  STOP_GRACE_MS: Type.Integer({ default: 20_000, minimum: 0 })
})
export type DeployerConfig = Static<typeof DeployerConfig>

/** What a clean-up keeps. */
export function keepRules(config: DeployerConfig): KeepRules {
  return {
    deliveryDays: config.KEEP_DELIVERIES_DAYS,
    auditDays: config.KEEP_AUDIT_DAYS,
    buildDays: config.KEEP_BUILDS_DAYS,
    buildsPerRepository: config.KEEP_BUILDS,
    logDays: config.KEEP_LOGS_DAYS,
    logsPerRepository: config.KEEP_LOGS,
    imageDays: config.KEEP_IMAGES_DAYS,
    rollbacks: config.KEEP_ROLLBACKS
  }
}
