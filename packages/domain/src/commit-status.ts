import type { Build, BuildFunction, BuildStatus } from './build.ts'
import type { SourceLocation } from './failure.ts'

/** What stands on a commit: one per context (`slipway/stack`, `slipway/<function>`). */
export interface CommitStatus {
  context: string
  /** In Slipway's words; each forge adapter maps it to its own. */
  state: BuildStatus
  description: string
  /** Where "details" leads; null where there is no address to give. */
  targetUrl: string | null
  /** Markdown-free text for forges that show more than one line: the end of the log. */
  text: string | null
  annotations: { location: SourceLocation; level: 'warning' | 'failure'; message: string }[]
}

export const stackContext = 'slipway/stack'

/** GitHub allows 140 characters, GitLab 255. */
export function shortDescription(text: string, limit: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`
}

/** Maps a function's part in a build to the word that stands on the commit. */
function functionState(build: Build, part: BuildFunction): BuildStatus {
  switch (part.status) {
    case 'planned':
      return build.status === 'queued' ? 'queued' : build.status
    case 'building':
    case 'built':
      return build.status === 'live' ? 'building' : build.status
    case 'deploying':
      return build.status
    case 'live':
      return build.status === 'live' || build.status === 'deploying' ? 'live' : build.status
    case 'failed':
      return build.status === 'error' ? 'error' : 'failed'
    case 'cancelled':
      return 'cancelled'
    case 'skipped':
    case 'removed':
      return 'skipped'
  }
}

const words: Record<BuildStatus, string> = {
  queued: 'waiting for its turn',
  building: 'building',
  deploying: 'rolling out',
  live: 'live',
  failed: 'failed',
  error: 'could not be finished',
  superseded: 'superseded by a newer push',
  cancelled: 'cancelled',
  skipped: 'skipped'
}

/**
 * Everything that a build has to say on its commit, derived from the store's rows alone, so that a reporter may be
 * killed and started at any time and may leave out what has already passed.
 *
 * @param urlOf address of the build's page or of a function's traffic; null where there is none.
 */
export function commitStatusesOf(
  build: Build,
  parts: BuildFunction[],
  about: {
    urlOf(functionName: string | null): string | null
    /** End of the log of one function, or of the stack when null. */
    logEnd(functionName: string | null): string | null
    location: SourceLocation | null
  }
): CommitStatus[] {
  const names = parts.filter((part) => part.status !== 'removed').map((part) => part.name)
  const removed = parts.filter((part) => part.status === 'removed').map((part) => part.name)
  const summary =
    build.status === 'live'
      ? [
          names.length === 0 ? 'no functions' : `${names.join(', ')} live`,
          removed.length > 0 ? `removed ${removed.join(', ')}` : ''
        ]
          .filter(Boolean)
          .join('; ')
      : (build.reason ?? words[build.status])
  const warnings = build.warnings.map((warning) => ({
    location: warning,
    level: 'warning' as const,
    message: warning.message
  }))
  const fault =
    about.location === null
      ? []
      : [{ location: about.location, level: 'failure' as const, message: build.reason ?? 'failed' }]
  const stack: CommitStatus = {
    context: stackContext,
    state: build.status,
    description: summary,
    targetUrl: about.urlOf(null),
    text: about.logEnd(null),
    annotations: [...fault, ...warnings].slice(0, 50)
  }
  return [
    stack,
    ...parts
      .filter((part) => part.status !== 'removed')
      .map((part): CommitStatus => {
        const state = functionState(build, part)
        return {
          context: `slipway/${part.name}`,
          state,
          description: part.reason ?? (state === build.status ? (build.reason ?? words[state]) : words[state]),
          targetUrl: about.urlOf(part.name),
          text: about.logEnd(part.name),
          annotations: []
        }
      })
  ]
}
