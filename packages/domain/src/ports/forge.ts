import type { Build } from '../build.ts'
import type { CommitStatus } from '../commit-status.ts'
import type { ForgeEvent, ForgeInstance, ForgeRepository } from '../forge.ts'
import type { Repository } from '../repository.ts'

/** One HTTP POST from a forge: the bytes as they came, for the signature covers them. */
export interface Delivery {
  headers: Record<string, string | string[] | undefined>
  body: Uint8Array
}

export interface ReceivedDelivery {
  /** The forge's id of the delivery; null where the forge sends none (then the head check alone prevents double work). */
  deliveryId: string | null
  /** The forge's name of the event, for display. */
  eventName: string
  event: ForgeEvent
}

/** The webhook side of a forge. Holds webhook secrets and nothing else. */
export interface WebhookSource {
  readonly instance: ForgeInstance
  /**
   * Verifies the signature over the bytes, then parses them and takes the fields that are used. Pure but for the clock.
   * A body whose shape does not fit the event's name is refused. An event that Slipway does not use is `ignored`.
   *
   * @throws Failure `invalid-signature` missing, malformed or wrong signature; `invalid-payload` unreadable or not of the event's shape.
   */
  receive(delivery: Delivery): Promise<ReceivedDelivery>
}

/** Short-lived, read-only, for one repository. Handed to git by a credential helper and never logged. */
export interface GitCredential {
  username: string
  password: string
  /** Epoch milliseconds. */
  expiresAt: number
}

/** A repository as the forge's API has it now. */
export type FoundRepository = ForgeRepository & {
  isArchived: boolean
  /**
   * Whether it is connected to Slipway there: GitHub: the App is installed on it; GitLab: it has a hook of ours, or the topic.
   * `unknown`: the token may not see it.
   */
  connection: 'there' | 'gone' | 'unknown'
}

/** A delivery that the forge says did not arrive. */
export interface MissedDelivery {
  /** The forge's handle on this attempt. */
  attemptId: string
  /** What the receiver would have known it by. */
  deliveryId: string
  eventName: string
  deliveredAt: number
}

/** An App of ours as its forge has it. */
export interface FoundForgeApp {
  appId: string
  slug: string
  htmlUrl: string
  ownerLogin: string
  isOrganization: boolean
  /** `contents: read`, … */
  permissions: Record<string, string>
  /** What it is told of; events about the App itself come in any case. */
  events: string[]
}

export interface FoundInstallation {
  installationId: string
  /** Login of the account that it is installed on. */
  login: string
  isSuspended: boolean
  /** What the account granted, which may be less than the App asks for by now. */
  permissions: Record<string, string>
}

/** One attempt of a forge to deliver. */
export interface AttemptedDelivery {
  deliveredAt: number
  eventName: string
  /** 0 where there was no answer. */
  statusCode: number
  /** The forge's words: `OK`, `failed to connect to host`, … */
  status: string
}

/** What concerns an App itself. */
export interface ForgeAppApi {
  describe(signal: AbortSignal): Promise<FoundForgeApp>
  /** Everywhere that it is installed. */
  installations(signal: AbortSignal): Promise<FoundInstallation[]>
  /** Where the forge delivers to; null when it has no address. */
  hookAddress(signal: AbortSignal): Promise<string | null>
  /** Only what is given is changed. Whether the hook is active at all is only changed by people, on the App's page. */
  changeHook(change: { url?: string; secret?: string }, signal: AbortSignal): Promise<void>
  /** The newest attempts, newest first. */
  recentDeliveries(signal: AbortSignal): Promise<AttemptedDelivery[]>
}

/** How calls to a forge fare, as this process has seen it since it began. */
export interface ForgeStanding {
  /** What is left of its limits of the rate, as long as it is not over. `installationId`: whose; null: the account's. */
  limits: { installationId: string | null; remaining: number; limit: number; resetAt: number }[]
  /** The newest call that it refused, or left without an answer that could be used; null: there was none. */
  lastError: { at: number; message: string } | null
}

/** The API side of a forge: only `deployer` holds one. Every method may throw Failure `unavailable` or `rate-limited` (retried). */
export interface ForgeApi {
  readonly instance: ForgeInstance
  /** Made from the configured forge and the repository's name, never from a payload. */
  cloneUrl(repository: Pick<Repository, 'fullName'>): string
  /** Web addresses for people, made like `cloneUrl`. */
  repositoryUrl(repository: Pick<Repository, 'fullName'>): string
  commitUrl(repository: Pick<Repository, 'fullName'>, commit: string): string
  /** A read credential for exactly this repository, valid for at least 10 minutes; null when none is configured (public repositories). */
  readCredential(repository: Repository, signal: AbortSignal): Promise<GitCredential | null>
  /**
   * The repository as the forge has it now, by numeric id, its owner included. null only when the forge says clearly that it is gone
   * or not visible (404): any unclear answer is a Failure, so that an outage never reads as a removal.
   */
  findRepository(
    repository: { forgeRepositoryId: string; installationId: string | null; fullName: string | null },
    signal: AbortSignal
  ): Promise<FoundRepository | null>
  /**
   * The commit that a branch points to, as the REST API has it, which may be a little behind git. null when there is no such branch.
   * Only a hint of what to queue: the builder looks at git before it builds. Asking again is cheap: the call is conditional.
   *
   * @param urgency `whenever`: for asking on a timer. Leaves a fifth of the rate limit to other calls: `rate-limited` before that.
   */
  findHead(
    repository: Repository,
    ref: string,
    signal: AbortSignal,
    urgency?: 'now' | 'whenever'
  ): Promise<string | null>
  /** null where the forge knows no Apps, or is used with a token of an account. */
  readonly app: ForgeAppApi | null
  /** Asks nobody. */
  standing(): ForgeStanding
  /** Who asks: the App, or the token's account. What somebody else saw and this one does not is not lost. */
  identity(signal: AbortSignal): Promise<string>
  /**
   * Deliveries since then that the forge says did not arrive, and whose later attempts did not either; oldest first.
   * Forges that keep no such list (GitLab, for what a project's token may see) have none.
   */
  missedDeliveries(since: number, signal: AbortSignal): Promise<MissedDelivery[]>
  /** What a missed delivery said. It comes from the forge's API, so no signature is needed. null: the forge has it no more. */
  fetchDelivery(missed: MissedDelivery, signal: AbortSignal): Promise<ReceivedDelivery | null>
  /** What an App installation may see. null when the installation is gone. GitLab has none: throws `unsupported`. */
  findInstallation(
    installationId: string,
    signal: AbortSignal
  ): Promise<{ isSuspended: boolean; repositories: ForgeRepository[] } | null>
  /**
   * Puts one status on a commit. Idempotent: the same status twice is one status.
   *
   * @param externalId what the last call for this (commit, context) returned; null at first.
   * @returns the forge's id of the status (a GitHub check run), to be given back next time; null where the forge needs none.
   */
  report(
    target: { repository: Repository; build: Build; status: CommitStatus; externalId: string | null },
    signal: AbortSignal
  ): Promise<string | null>
}
