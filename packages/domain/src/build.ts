import Type, { type Static } from 'typebox'
import { Failure } from './failure.ts'
import { FunctionSpec, StackWarning } from './stack.ts'

export const BuildStatus = Type.Enum([
  'queued',
  'building',
  'deploying',
  'live',
  'failed',
  'error',
  'superseded',
  'cancelled',
  'skipped'
])
export type BuildStatus =
  | 'queued'
  | 'building'
  | 'deploying'
  | 'live'
  | 'failed'
  | 'error'
  | 'superseded'
  | 'cancelled'
  | 'skipped'

/**
 * Where a build may go from where it is. `building` and `deploying` may be given back (a stopped worker, a retry):
 * a build goes back to `queued` and is claimed again, a roll-out stays `deploying`.
 */
const transitions: Record<BuildStatus, readonly BuildStatus[]> = {
  queued: ['building', 'failed', 'error', 'superseded', 'cancelled', 'skipped'],
  building: ['queued', 'deploying', 'failed', 'error', 'superseded', 'cancelled', 'skipped'],
  deploying: ['live', 'failed', 'error', 'superseded', 'cancelled'],
  live: [],
  failed: [],
  error: [],
  superseded: [],
  cancelled: [],
  skipped: []
}

export type TerminalBuildStatus = Exclude<BuildStatus, 'queued' | 'building' | 'deploying'>

export function isTerminal(status: BuildStatus): status is TerminalBuildStatus {
  return transitions[status].length === 0
}

/** @throws Failure `invalid-transition` when a build may not go from `from` to `to`: a bug, never a user's fault. */
export function assertTransition(from: BuildStatus, to: BuildStatus): void {
  if (!transitions[from].includes(to)) {
    throw new Failure('invalid-transition', `a build cannot go from ${from} to ${to}`)
  }
}

/**
 * Why a build exists. `push`: a delivery said so. `head`: the branch was seen to point at this commit.
 * `connect`: the repository was just connected. `rebuild`: somebody asked for this commit, head or not.
 * `resume`: a function that was paused, or a repository whose automatic deploys were off, is deployed by pushes again.
 * `rollback`: somebody asked for an earlier deployment; nothing is built.
 * `api`: somebody sent the folder itself, see `uploadForgeId`.
 * `redeploy`: somebody asked for what is live once more, with the configuration of now. `configuration`: the same, because
 * variables or secrets changed; paused functions are left out of it. Nothing is built.
 */
export const BuildTrigger = Type.Enum([
  'push',
  'head',
  'connect',
  'rebuild',
  'resume',
  'rollback',
  'redeploy',
  'configuration',
  'api'
])
export type BuildTrigger = 'push' | 'head' | 'connect' | 'rebuild' | 'resume' | 'rollback' | 'api' | RedeployTrigger
export type RedeployTrigger = 'redeploy' | 'configuration'

/** Does it deploy again what is live, under the configuration of now? */
export function isRedeploy(trigger: BuildTrigger): trigger is RedeployTrigger {
  return trigger === 'redeploy' || trigger === 'configuration'
}

/** One attempt to bring one commit of one ref live. Times are epoch milliseconds; null means "not yet" or "not known". */
export interface Build {
  id: string
  /** null until the repository's owner was looked up at the forge. */
  ownerId: string | null
  repositoryId: string
  ref: string
  commit: string
  /** The commit that the ref pointed to before the push; null when not known or the ref was new. */
  before: string | null
  trigger: BuildTrigger
  status: BuildStatus
  /** Why the build is where it is, in words for its owner. */
  reason: string | null
  /** Of the repository's counter, taken when the build is claimed: a build never follows one with a higher generation. */
  generation: number | null
  /** Failed tries so far. A shutdown or a killed worker does not count. */
  attempt: number
  nextAttemptAt: number | null
  /** First line of the head commit's message. */
  message: string | null
  /** Login that the forge authenticated for the push, or who asked by API. */
  sender: string | null
  /** Ignore the content key and the layer cache. */
  noCache: boolean
  warnings: StackWarning[]
  createdAt: number
  startedAt: number | null
  deployingAt: number | null
  finishedAt: number | null
  cancelRequestedAt: number | null
}

export const BuildFunctionStatus = Type.Enum([
  'planned',
  'building',
  'built',
  'deploying',
  'live',
  'failed',
  'cancelled',
  'skipped',
  'removed'
])
export type BuildFunctionStatus =
  | 'planned'
  | 'building'
  | 'built'
  | 'deploying'
  | 'live'
  | 'failed'
  | 'cancelled'
  | 'skipped'
  | 'removed'

/** One function's part in a build. `removed`: it left the stack and was pruned by this build. */
export interface BuildFunction {
  buildId: string
  name: string
  status: BuildFunctionStatus
  reason: string | null
  spec: FunctionSpec | null
  contentKey: string | null
  image: ImageReference | null
  /** The image was not built: its content key was known. */
  isReused: boolean
  deploymentId: string | null
  startedAt: number | null
  builtAt: number | null
  finishedAt: number | null
}

/** `repository` is `host[:port]/path` without tag. Deploy by digest: a registry's tag is never trusted. */
export const ImageReference = Type.Object({
  repository: Type.String(),
  tag: Type.String(),
  digest: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' })
})
export type ImageReference = Static<typeof ImageReference>

/** `host/path@sha256:…`, what a cluster pulls. */
export function pinnedReference(image: ImageReference): string {
  return `${image.repository}@${image.digest}`
}
