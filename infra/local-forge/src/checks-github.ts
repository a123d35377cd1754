import { isCommit } from '@slipway/domain'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { type Access, type GitHubRestDeps, repositoryPaths } from './access-github.ts'
import { appAnswer, checkRunAnswer, statusAnswer } from './answers-github.ts'
import { withinBounds } from './reports.ts'
import type { HostedRepository } from './repositories.ts'
import { paginate, refusal } from './rest.ts'
import { Annotation, type CheckRun, type StatusRecord, type Token } from './state.ts'

/**
 * Check runs and commit statuses: https://docs.github.com/en/rest/checks/runs and
 * https://docs.github.com/en/rest/commits/statuses
 */

const Text = Type.String({ maxLength: 65_535 })
const Time = Type.String({ format: 'date-time' })
const Link = Type.String({ pattern: '^https?://', maxLength: 1024 })

const fields = {
  details_url: Type.Optional(Link),
  external_id: Type.Optional(Type.String()),
  status: Type.Optional(Type.Union([Type.Literal('queued'), Type.Literal('in_progress'), Type.Literal('completed')])),
  started_at: Type.Optional(Time),
  conclusion: Type.Optional(
    Type.Union(
      ['action_required', 'cancelled', 'failure', 'neutral', 'success', 'skipped', 'timed_out'].map((word) =>
        Type.Literal(word)
      )
    )
  ),
  completed_at: Type.Optional(Time),
  output: Type.Optional(
    Type.Object({
      title: Type.Optional(Type.String()),
      summary: Text,
      text: Type.Optional(Text),
      annotations: Type.Optional(Type.Array(Annotation, { maxItems: 50 }))
    })
  )
}
const NewCheckRun = Type.Object({
  ...fields,
  name: Type.String({ minLength: 1 }),
  head_sha: Type.String(),
  // Only a new one must have a title.
  output: Type.Optional(Type.Intersect([fields.output, Type.Object({ title: Type.String() })]))
})
const CheckRunChange = Type.Object({ ...fields, name: Type.Optional(Type.String({ minLength: 1 })) })
type CheckRunChange = Static<typeof CheckRunChange>

const NewStatus = Type.Object({
  state: Type.Union(['error', 'failure', 'pending', 'success'].map((word) => Type.Literal(word))),
  target_url: Type.Optional(Type.Union([Link, Type.Null()])),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 140 }), Type.Null()])),
  context: Type.Optional(Type.String({ minLength: 1, maxLength: 255 }))
})

/** GitHub takes no more for one commit and context. */
const statusesPerContext = 1000

export function registerChecks(scope: FastifyInstance, deps: GitHubRestDeps, access: Access): void {
  for (const path of repositoryPaths) {
    registerCheckRuns(scope, path, deps, access)
    registerStatuses(scope, path, deps, access)
  }
}

async function commitOf(deps: GitHubRestDeps, repository: HostedRepository, text: string): Promise<string> {
  const commit = isCommit(text) ? await deps.commits.resolve(repository, text) : null
  if (commit === null) throw refusal(422, `No commit found for SHA: ${text.slice(0, 80)}`)
  return commit
}

/** The commit that a path names: an id, a branch or a tag. */
async function commitAt(deps: GitHubRestDeps, repository: HostedRepository, request: FastifyRequest): Promise<string> {
  const { ref } = request.params as { ref: string }
  const names = isCommit(ref) ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`]
  for (const name of names) {
    const commit = await deps.commits.resolve(repository, name)
    if (commit !== null) return commit
  }
  throw refusal(422, `No commit found for SHA: ${ref.slice(0, 80)}`)
}

function registerCheckRuns(scope: FastifyInstance, path: string, deps: GitHubRestDeps, access: Access): void {
  const { state, app, address, accounts, now } = deps
  const appForm = () => appAnswer(address(), app, accounts.byId(app.accountId), state.data.installations.length)
  const answerOf = (repository: HostedRepository, run: CheckRun) =>
    checkRunAnswer(address(), appForm(), repository, run)
  const runsOn = (repository: HostedRepository, commit: string) =>
    state.data.checkRuns.filter((run) => run.repositoryId === repository.id && run.commit === commit)

  function find(request: FastifyRequest, repository: HostedRepository): CheckRun {
    const { checkRunId } = request.params as { checkRunId: string }
    const run = state.data.checkRuns.find((run) => run.repositoryId === repository.id && String(run.id) === checkRunId)
    if (run === undefined) throw refusal(404, 'Not Found')
    return run
  }

  scope.post<{ Body: Static<typeof NewCheckRun> }>(
    `${path}/check-runs`,
    { schema: { body: NewCheckRun } },
    async (request, reply) => {
      const { repository, token } = access(request, 'checks', 'write')
      assertInstallation(token)
      const commit = await commitOf(deps, repository, request.body.head_sha)
      const at = now()
      const [sibling] = runsOn(repository, commit)
      const run: CheckRun = {
        id: state.nextId(),
        suiteId: sibling?.suiteId ?? state.nextId(),
        repositoryId: repository.id,
        commit,
        name: request.body.name,
        status: 'queued',
        conclusion: null,
        detailsUrl: null,
        externalId: null,
        title: null,
        summary: null,
        text: null,
        annotations: [],
        startedAt: at,
        completedAt: null,
        updatedAt: at
      }
      change(run, request.body, at)
      state.data.checkRuns = withinBounds([...state.data.checkRuns, run])
      state.changed()
      return reply.code(201).send(answerOf(repository, run))
    }
  )

  scope.patch<{ Body: CheckRunChange }>(
    `${path}/check-runs/:checkRunId`,
    { schema: { body: CheckRunChange } },
    (request) => {
      const { repository, token } = access(request, 'checks', 'write')
      assertInstallation(token)
      const run = find(request, repository)
      change(run, request.body, now())
      state.changed()
      return answerOf(repository, run)
    }
  )

  scope.get(`${path}/check-runs/:checkRunId`, (request) => {
    const { repository } = access(request, 'checks', 'read')
    return answerOf(repository, find(request, repository))
  })

  scope.get(`${path}/commits/:ref/check-runs`, async (request, reply: FastifyReply) => {
    const { repository } = access(request, 'checks', 'read')
    const runs = runsOn(repository, await commitAt(deps, repository, request))
    const { check_name: name, filter } = request.query as Record<string, string | undefined>
    const named = name === undefined ? runs : runs.filter((run) => run.name === name)
    const wanted = filter === 'all' ? named : [...new Map(named.map((run) => [run.name, run])).values()]
    return {
      total_count: wanted.length,
      check_runs: paginate(request, reply, wanted, address().url).map((run) => answerOf(repository, run))
    }
  })
}

function assertInstallation(token: Token | null): void {
  if (token?.installationId == null) throw refusal(403, 'You must authenticate via a GitHub App.')
}

function change(run: CheckRun, body: CheckRunChange, at: number): void {
  // Giving a conclusion completes the run; a run that goes on has none.
  const status = body.conclusion === undefined ? (body.status ?? run.status) : 'completed'
  if (status === 'completed' && body.conclusion === undefined && run.conclusion === null) {
    throw refusal(422, 'Invalid request. A completed check run needs a conclusion.')
  }
  run.status = status
  run.conclusion = status === 'completed' ? (body.conclusion ?? run.conclusion) : null
  run.completedAt = status === 'completed' ? (timeOf(body.completed_at) ?? run.completedAt ?? at) : null
  run.startedAt = timeOf(body.started_at) ?? run.startedAt
  run.name = body.name ?? run.name
  run.detailsUrl = body.details_url ?? run.detailsUrl
  run.externalId = body.external_id ?? run.externalId
  if (body.output !== undefined) {
    run.title = body.output.title ?? run.title
    run.summary = body.output.summary
    run.text = body.output.text ?? run.text
    run.annotations = [...run.annotations, ...(body.output.annotations ?? [])].slice(-500)
  }
  run.updatedAt = at
}

function timeOf(text: string | undefined): number | null {
  return text === undefined ? null : Math.max(0, Date.parse(text))
}

function registerStatuses(scope: FastifyInstance, path: string, deps: GitHubRestDeps, access: Access): void {
  const { state, address, accounts, now } = deps
  const answerOf = (repository: HostedRepository, status: StatusRecord) =>
    statusAnswer(address(), repository, status, accounts.byId(status.creatorId))
  const statusesOn = (repository: HostedRepository, commit: string) =>
    state.data.statuses.filter((status) => status.repositoryId === repository.id && status.commit === commit)

  scope.post<{ Body: Static<typeof NewStatus>; Params: { ref: string } }>(
    `${path}/statuses/:ref`,
    { schema: { body: NewStatus } },
    async (request, reply) => {
      const { repository, token } = access(request, 'statuses', 'write')
      const commit = await commitOf(deps, repository, request.params.ref)
      const { state: word, target_url: targetUrl = null, description = null, context = 'default' } = request.body
      if (statusesOn(repository, commit).filter((status) => status.context === context).length >= statusesPerContext) {
        throw refusal(422, 'Validation Failed: this SHA and context has reached the maximum number of statuses.')
      }
      const at = now()
      const status: StatusRecord = {
        id: state.nextId(),
        repositoryId: repository.id,
        commit,
        context,
        state: word,
        description,
        targetUrl,
        creatorId: token?.accountId ?? repository.ownerId,
        ref: null,
        pipelineId: null,
        startedAt: null,
        finishedAt: null,
        createdAt: at,
        updatedAt: at
      }
      state.data.statuses = withinBounds([...state.data.statuses, status])
      state.changed()
      return reply.code(201).send(answerOf(repository, status))
    }
  )

  scope.get(`${path}/commits/:ref/statuses`, async (request, reply) => {
    const { repository } = access(request, 'statuses', 'read')
    const statuses = statusesOn(repository, await commitAt(deps, repository, request))
    return paginate(request, reply, statuses.toReversed(), address().url).map((status) => answerOf(repository, status))
  })
}
