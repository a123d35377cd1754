import {
  type Build,
  type CommitStatus,
  commitStatusesOf,
  Failure,
  type ForgeApi,
  isTerminal,
  type Repository,
  type SentStatus,
  type Store,
  stackContext
} from '@slipway/domain'
import { backoffMs, createLoop, type Logger, type Loop, limited } from '@slipway/service'

export interface ReporterDeps {
  store: Pick<Store, 'builds' | 'repositories' | 'owners' | 'logs' | 'reports'>
  forges: Map<string, ForgeApi>
  /** Where "details" leads. */
  urlOf(build: Build, ownerSlug: string | null, functionName: string | null): string | null
  /** For telling one status. */
  timeoutMs: number
  isLeader(): boolean
  now: () => number
  logger: Logger
}

/** How much of a log's end goes onto a commit, in characters. */
const logEndLimit = 30_000

/**
 * Tells commits what became of them. Everything is derived from the builds as they are now and compared with what was sent:
 * states that passed in the meantime are left out, nothing is told twice, and a crash loses nothing. Never fails a build.
 */
export function createReporter({ store, forges, urlOf, timeoutMs, isLeader, now, logger }: ReporterDeps): Loop {
  async function statusesFor(build: Build, repository: Repository): Promise<CommitStatus[]> {
    const parts = await store.builds.functions(build.id)
    const owner = repository.ownerId === null ? null : await store.owners.get(repository.ownerId)
    // What failed is told at once, and told once: with its log, also while others are still at work.
    const ended = isTerminal(build.status) ? parts : parts.filter((part) => part.status === 'failed')
    const names = [...(isTerminal(build.status) ? [null] : []), ...ended.map((part) => part.name)]
    const ends = new Map<string | null, string>()
    for (const name of names) ends.set(name, await store.logs.tail(build.id, name, logEndLimit))
    return commitStatusesOf(build, parts, {
      urlOf: (name) => urlOf(build, owner?.slug ?? null, name),
      logEnd: (name) => ends.get(name) || null,
      location: await store.builds.failureLocation(build.id)
    })
  }

  async function tell(build: Build, version: number, signal: AbortSignal): Promise<void> {
    const repository = await store.repositories.get(build.repositoryId)
    const forge = repository === null ? undefined : forges.get(repository.forgeId)
    if (repository === null || forge === undefined || repository.disconnectedAt !== null) {
      return store.reports.done(build.id, version)
    }
    const sent = new Map(
      (await store.reports.sent(repository.id, build.commit)).map((status) => [status.context, status])
    )
    const statuses = await statusesFor(build, repository)
    for (const status of inOrder(build, [...statuses, ...leftOver(build, statuses, sent.values())])) {
      const before = sent.get(status.context)
      if (before !== undefined && isSame(before, status)) continue
      const limit = { what: `telling ${status.context}`, ms: timeoutMs, setting: 'STATUS_TIMEOUT_MS' }
      const target = { repository, build, status, externalId: before?.externalId ?? null }
      const externalId = await limited(limit, signal, (stop) => forge.report(target, stop))
      const { context, state, description } = status
      await store.reports.saveSent(repository.id, build.commit, { context, state, description, externalId })
    }
    await store.reports.done(build.id, version)
  }

  async function tellOrWait(
    { build, version, attempt }: { build: Build; version: number; attempt: number },
    signal: AbortSignal
  ) {
    try {
      await tell(build, version, signal)
    } catch (err) {
      if (signal.aborted) return
      const isFinal = err instanceof Failure && !err.retry
      logger.warn(
        { err, buildId: build.id, attempt: attempt + 1 },
        isFinal ? 'the forge refuses the commit status' : 'the commit status is told later'
      )
      // What the forge refuses today it refuses tomorrow: the next change of the build is told anew.
      if (isFinal) return store.reports.done(build.id, version)
      const waitMs = Math.max(backoffMs(attempt + 1), err instanceof Failure ? (err.retryAfterMs ?? 0) : 0)
      await store.reports.retryLater(build.id, now() + waitMs)
    }
  }

  return createLoop(
    'reporter',
    1000,
    async (signal) => {
      if (!isLeader()) return
      for (
        let due = await store.reports.due(now(), 4);
        due.length > 0 && !signal.aborted;
        due = await store.reports.due(now(), 4)
      ) {
        // Different commits at once; builds of one commit, and its contexts, one after the other.
        const byCommit = Map.groupBy(due, ({ build }) => `${build.repositoryId} ${build.commit}`)
        const work = [...byCommit.values()].map(async (builds) => {
          for (const one of builds) await tellOrWait(one, signal)
        })
        await Promise.all(work)
      }
    },
    logger
  )
}

/** The stack's end is the word on all of it, which others wait for: it is told when all else was. */
function inOrder(build: Build, statuses: CommitStatus[]): CommitStatus[] {
  if (!isTerminal(build.status)) return statuses
  const isStack = ({ context }: CommitStatus) => context === stackContext
  return [...statuses.filter((status) => !isStack(status)), ...statuses.filter(isStack)]
}

/** What an earlier build of the commit had begun to tell, of functions that this one never came to: ended with it. */
function leftOver(build: Build, statuses: CommitStatus[], sent: Iterable<SentStatus>): CommitStatus[] {
  if (!isTerminal(build.status)) return []
  const told = new Set(statuses.map(({ context }) => context))
  const state = build.status === 'live' ? 'skipped' : build.status
  return [...sent]
    .filter((before) => !told.has(before.context) && !isTerminal(before.state))
    .map(({ context }) => ({
      context,
      state,
      description: build.reason ?? state,
      targetUrl: statuses[0]?.targetUrl ?? null,
      text: null,
      annotations: []
    }))
}

function isSame(sent: SentStatus, status: CommitStatus): boolean {
  return sent.state === status.state && sent.description === status.description
}
