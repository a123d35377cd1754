import { forgeApiSettings } from '@slipway/forge'
import {
  commonSettings,
  healthSettings,
  keepSettings,
  registrySettings,
  signInKeySettings,
  stageSettings,
  waitSettings,
  webhookKeySettings
} from '@slipway/service'
import Type, { type Static } from 'typebox'
import type { KeepRules } from './clean-up.ts'
import { clusterSettings } from './cluster/cluster.ts'
import { listenSettings } from './internal-listener.ts'
import { limitSettings } from './limits.ts'

const Days = (days: number, description: string) => Type.Number({ default: days, minimum: 0, description })

export const DeployerConfig = Type.Object({
  ...commonSettings,
  ...waitSettings,
  ...forgeApiSettings,
  ...registrySettings,
  ...clusterSettings,
  ...healthSettings,
  ...listenSettings,
  BUILD_BRANCH: Type.Optional(Type.String({ minLength: 1 })),
  PUBLIC_URL: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description: 'Address of the status API as people reach it; statuses on commits link there.'
    })
  ),
  RECEIVER_PUBLIC_URL: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description:
        'Address of the receiver as forges reach it, where it is another one: `/webhooks/<forge>` is below it.'
    })
  ),
  GATEWAY_PUBLIC_URL: Type.Optional(
    Type.String({ pattern: '^https?://', description: 'Address of the gateway as people reach it.' })
  ),
  ALLOWED_OWNERS: Type.Optional(
    Type.String({
      minLength: 1,
      description: "Whose pushes are built: a file or an http(s) address, one login a line; unset: everybody's."
    })
  ),
  ALLOWED_OWNERS_EVERY_MS: Type.Integer({
    default: 60_000,
    minimum: 100,
    description: 'How often that list is read again.'
  }),
  ASYNC_WAITING_LIMIT: Type.Integer({
    default: 1000,
    minimum: 1,
    description: 'Asynchronous calls of one function that may wait; more are answered 429, or left out of a schedule.'
  }),
  BUILD_SLOTS: Type.Integer({
    default: 2,
    minimum: 1,
    description: 'Builds that run at a time, in all.'
  }),
  BUILD_SLOTS_PER_OWNER: Type.Integer({
    default: 1,
    minimum: 1,
    description: 'Builds of one owner that run at a time.'
  }),
  ...limitSettings,
  DEPLOY_CONCURRENCY: Type.Integer({
    default: 4,
    minimum: 1,
    description: 'Builds whose functions are rolled out at a time.'
  }),
  HEADS_EVERY_MS: Type.Optional(
    Type.Integer({
      minimum: 100,
      description:
        'How often the forges are asked for heads; unset: every 5 min, or 15 s where the forge cannot reach PUBLIC_URL.'
    })
  ),
  REMOVAL_GRACE_MS: Type.Integer({
    default: 3_600_000,
    minimum: 0,
    description: 'How long a repository or its branch is gone before its functions are removed.'
  }),
  ENCRYPTION_KEYS: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'What secrets are encrypted with at rest: `<id>:<base64 of 32 bytes>`, separated by commas, the newest first. Default: a file.'
    })
  ),
  ...webhookKeySettings,
  ...signInKeySettings,
  ROLLOUT_TIMEOUT_MS: Type.Integer({
    default: 1_800_000,
    minimum: 1000,
    description: "For the whole start of one function's new version: the image, its replicas, until they are ready."
  }),
  NOTIFY_LOOPBACK: Type.Enum(['on', 'off'], {
    default: 'off',
    description: 'Notifications may go to addresses of this machine, by plain HTTP, too: for trying it out.'
  }),
  STATUS_TIMEOUT_MS: Type.Integer({
    default: 60_000,
    minimum: 1000,
    description: 'How long telling one commit status may take.'
  }),
  ...keepSettings,
  KEEP_DELIVERIES_DAYS: Days(30, 'What forges sent, and what became of it.'),
  KEEP_AUDIT_DAYS: Days(400, 'The audit log.'),
  KEEP_BUILDS_DAYS: Days(
    90,
    'Ended builds and former deployments. The last 20 builds of a repository stay in any case.'
  ),
  KEEP_BUILDS: Type.Integer({ default: 1000, minimum: 1, description: 'Builds that are kept of one repository.' }),
  KEEP_LOGS_DAYS: Days(30, 'Logs of builds. Those of the last 5 builds of a repository stay in any case.'),
  KEEP_LOGS: Type.Integer({ default: 200, minimum: 1, description: 'Builds whose logs are kept, of one repository.' }),
  KEEP_IMAGES_DAYS: Days(7, 'Images in the registry that nothing needs, since a build last used them.'),
  ...stageSettings
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
