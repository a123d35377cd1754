import { type Build, type BuildStatus, type CommitStatus, Failure, type Repository } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import { ForgeId, readAnswer } from './answer.ts'
import type { Parameters } from './github-app.ts'
import { codeBlock, lastBytes, oneLine } from './text.ts'

/** GitHub's limit of a check run's summary and text: characters by its documentation, bytes in effect. */
const outputLimitBytes = 65_535
const annotationLimit = 50
const descriptionLimit = 140

const checkStates: Record<BuildStatus, { status: string; conclusion?: string }> = {
  queued: { status: 'queued' },
  building: { status: 'in_progress' },
  deploying: { status: 'in_progress' },
  live: { status: 'completed', conclusion: 'success' },
  failed: { status: 'completed', conclusion: 'failure' },
  // ours, and the time for retrying it is over
  error: { status: 'completed', conclusion: 'timed_out' },
  superseded: { status: 'completed', conclusion: 'cancelled' },
  cancelled: { status: 'completed', conclusion: 'cancelled' },
  skipped: { status: 'completed', conclusion: 'skipped' }
}

const commitStates: Record<BuildStatus, string> = {
  queued: 'pending',
  building: 'pending',
  deploying: 'pending',
  live: 'success',
  failed: 'failure',
  error: 'error',
  superseded: 'error',
  cancelled: 'error',
  skipped: 'success'
}

const CheckRun = Type.Object({
  id: ForgeId,
  status: Type.String(),
  external_id: Type.Union([Type.String(), Type.Null()]),
  output: Type.Object({ annotations_count: Type.Integer() })
})
const CheckRuns = Type.Object({ check_runs: Type.Array(CheckRun) })
const Made = Type.Object({ id: ForgeId })

export interface Target {
  repository: Repository
  build: Build
  status: CommitStatus
  externalId: string | null
}

/** A call with a token of the repository. */
export type Call = (route: string, parameters: Parameters) => Promise<unknown>

function addressOf({ fullName }: Pick<Repository, 'fullName'>): { owner: string; repo: string } {
  const [owner = '', repo = ''] = fullName.split('/')
  return { owner, repo }
}

/** Slipway's id of a check run: GitHub's, and the build that it belongs to, for another build of the commit gets a run of its own. */
function externalIdOf(checkRunId: number, build: Build): string {
  return `${checkRunId}/${build.id}`
}

/**
 * Makes the build's check run of this context, or changes it. One that another build of the commit left unfinished is taken over:
 * nobody else will end it, and as the newest it would be what is shown.
 *
 * @returns what to give back next time.
 */
export async function reportCheck(
  call: Call,
  { repository, build, status, externalId }: Target,
  now: number
): Promise<string> {
  const address = addressOf(repository)
  const content = checkOf(build, status, now)
  const [keptId = '', keptBuild] = externalId?.split('/') ?? []
  let runId = keptBuild === build.id ? Number(keptId) : null
  let isAnnotated = false
  if (runId === null || annotationsOf(status).length > 0) {
    // An earlier call may have come through without its answer: the same status must not stand there twice.
    const found = await findRun(call, { ...address, ref: build.commit, check_name: status.context }, build, runId)
    runId = found?.id ?? runId
    isAnnotated = (found?.output.annotations_count ?? 0) > 0
  }
  // GitHub adds the annotations of every call to those that are there.
  const annotations = isAnnotated ? [] : annotationsOf(status)
  const body = { ...content, output: { ...content.output, ...(annotations.length === 0 ? {} : { annotations }) } }
  if (runId !== null) {
    try {
      await call('PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}', { ...address, check_run_id: runId, ...body })
      return externalIdOf(runId, build)
    } catch (err) {
      // GitHub throws old runs away: a new one then
      if (!(err instanceof Failure) || err.code !== 'not-found') throw err
    }
  }
  const route = 'POST /repos/{owner}/{repo}/check-runs'
  const made = readAnswer('GitHub', route, Made, await call(route, { ...address, head_sha: build.commit, ...body }))
  return externalIdOf(made.id, build)
}

async function findRun(call: Call, parameters: Parameters, build: Build, knownId: number | null) {
  const route = 'GET /repos/{owner}/{repo}/commits/{ref}/check-runs'
  try {
    const answer = await call(route, { ...parameters, filter: 'all', per_page: 100 })
    const runs = readAnswer('GitHub', route, CheckRuns, answer).check_runs
    const isOurs = (run: Static<typeof CheckRun>) => run.external_id !== null && run.external_id !== ''
    return (
      runs.find((run) => run.id === knownId) ??
      runs.find((run) => isOurs(run) && run.status !== 'completed') ??
      runs.find((run) => run.external_id === build.id) ??
      null
    )
  } catch (err) {
    // No such commit: making the run will say so.
    if (err instanceof Failure && (err.code === 'not-found' || err.code === 'invalid-request')) return null
    throw err
  }
}

function checkOf(build: Build, status: CommitStatus, now: number) {
  const state = checkStates[status.state]
  return {
    name: status.context,
    external_id: build.id,
    ...state,
    ...(status.targetUrl === null ? {} : { details_url: status.targetUrl }),
    ...(build.startedAt === null ? {} : { started_at: new Date(build.startedAt).toISOString() }),
    ...(state.conclusion === undefined ? {} : { completed_at: new Date(build.finishedAt ?? now).toISOString() }),
    output: {
      title: oneLine(status.description, descriptionLimit),
      summary: lastBytes(status.description, outputLimitBytes),
      ...(status.text === null || status.text === '' ? {} : { text: codeBlock(status.text, outputLimitBytes) })
    }
  }
}

/** Told once, with the end: what is annotated twice stands there twice. */
function annotationsOf(status: CommitStatus) {
  if (checkStates[status.state].conclusion === undefined) return []
  return status.annotations.slice(0, annotationLimit).map(({ location, level, message }) => ({
    path: location.path,
    start_line: location.line,
    end_line: location.line,
    start_column: location.column,
    end_column: location.column,
    annotation_level: level,
    message: lastBytes(message, 60_000)
  }))
}

/** A plain commit status, for Apps that may not write checks. GitHub tells them apart by context; there is nothing to keep. */
export async function reportCommitStatus(call: Call, { repository, build, status }: Target): Promise<void> {
  await call('POST /repos/{owner}/{repo}/statuses/{sha}', {
    ...addressOf(repository),
    sha: build.commit,
    context: status.context,
    state: commitStates[status.state],
    description: oneLine(status.description, descriptionLimit),
    ...(status.targetUrl === null ? {} : { target_url: status.targetUrl })
  })
}
