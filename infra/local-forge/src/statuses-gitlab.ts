import { isCommit } from '@slipway/domain'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { statusAnswer } from './answers-gitlab.ts'
import { withinBounds } from './reports.ts'
import type { HostedRepository } from './repositories.ts'
import { paginate, parameters, refusal } from './rest.ts'
import type { GitLabRestDeps, ProjectAccess } from './rest-gitlab.ts'
import type { StatusRecord } from './state.ts'

/** Commit statuses: https://docs.gitlab.com/api/commits/#commit-status */

const State = Type.Union(
  ['pending', 'running', 'success', 'failed', 'canceled', 'skipped'].map((word) => Type.Literal(word))
)
const NewStatus = Type.Object({
  state: State,
  ref: Type.Optional(Type.String()),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  context: Type.Optional(Type.String({ maxLength: 255 })),
  target_url: Type.Optional(Type.String({ maxLength: 255, pattern: '^https?://' })),
  description: Type.Optional(Type.String({ maxLength: 255 })),
  pipeline_id: Type.Optional(Type.Integer())
})

/** GitLab's state machine of a commit status: how the event is called, and from where it may come. */
const transitions: Record<string, { event: string; from: string[] }> = {
  pending: { event: 'enqueue', from: ['created'] },
  running: { event: 'run', from: ['created', 'pending'] },
  success: { event: 'success', from: ['created', 'pending', 'running'] },
  failed: { event: 'drop', from: ['created', 'pending', 'running'] },
  canceled: { event: 'cancel', from: ['created', 'pending', 'running'] },
  skipped: { event: 'skip', from: ['created', 'pending'] }
}

export function registerStatuses(scope: FastifyInstance, deps: GitLabRestDeps, access: ProjectAccess): void {
  const { state, address, accounts, commits, now } = deps
  const answerOf = (status: StatusRecord) => statusAnswer(address(), status, accounts.byId(status.creatorId))
  const statusesOn = (repository: HostedRepository, commit: string) =>
    state.data.statuses.filter((status) => status.repositoryId === repository.id && status.commit === commit)

  /** The pipeline that holds the statuses of a commit: the named one, or the newest; null when there is none yet. */
  function pipelineOf(statuses: StatusRecord[], wanted: Static<typeof NewStatus>): StatusRecord | null {
    const ofRef = statuses.filter(
      (status) =>
        (wanted.ref === undefined || status.ref === wanted.ref) &&
        (wanted.pipeline_id === undefined || status.pipelineId === wanted.pipeline_id)
    )
    const newest = ofRef.toSorted((a, b) => (b.pipelineId ?? 0) - (a.pipelineId ?? 0))[0] ?? null
    if (newest === null && wanted.pipeline_id !== undefined) {
      throw refusal(404, '404 Pipeline for pipeline_id, sha and ref Not Found')
    }
    return newest
  }

  scope.post('/projects/:id/statuses/:sha', async (request, reply) => {
    const { repository, token } = access(request, 'write')
    const { sha } = request.params as { sha: string }
    const wanted = parameters(request, NewStatus)
    const commit = isCommit(sha) ? await commits.resolve(repository, sha) : null
    if (commit === null) throw refusal(404, '404 Commit Not Found')
    const statuses = statusesOn(repository, commit)
    const pipeline = pipelineOf(statuses, wanted)
    const ref = wanted.ref ?? pipeline?.ref ?? (await commits.branchesWith(repository, commit))[0]
    if (ref === undefined) throw refusal(404, '404 References for commit Not Found')
    const name = wanted.name ?? wanted.context ?? 'default'
    // One that has ended is left alone: a new one follows it.
    const current = statuses.find(
      (status) =>
        status.context === name &&
        status.ref === ref &&
        status.pipelineId === pipeline?.pipelineId &&
        (status.state === 'pending' || status.state === 'running')
    )
    const at = now()
    const status: StatusRecord = current ?? {
      id: state.nextId(),
      repositoryId: repository.id,
      commit,
      context: name,
      state: 'created',
      description: null,
      targetUrl: null,
      creatorId: token?.accountId ?? repository.ownerId,
      ref,
      pipelineId: pipeline?.pipelineId ?? state.nextId(),
      startedAt: null,
      finishedAt: null,
      createdAt: at,
      updatedAt: at
    }
    transition(status, wanted.state, at)
    status.description = wanted.description ?? status.description
    status.targetUrl = wanted.target_url ?? status.targetUrl
    if (current === undefined) state.data.statuses = withinBounds([...state.data.statuses, status])
    state.changed()
    return reply.code(201).send(answerOf(status))
  })

  scope.get('/projects/:id/repository/commits/:sha/statuses', async (request, reply) => {
    const { repository } = access(request, 'read')
    const { sha } = request.params as { sha: string }
    const commit = isCommit(sha) ? await commits.resolve(repository, sha) : null
    if (commit === null) throw refusal(404, '404 Commit Not Found')
    const { ref, name, all } = request.query as Record<string, string | undefined>
    const found = statusesOn(repository, commit).filter(
      (status) => (ref === undefined || status.ref === ref) && (name === undefined || status.context === name)
    )
    const newest = new Map(found.map((status) => [`${status.ref} ${status.context}`, status]))
    const wanted = all === 'true' ? found : [...newest.values()]
    return paginate(request, reply, wanted, address().url).map(answerOf)
  })
}

/** @throws the refusal with which GitLab answers a repeated state: 400 "Cannot transition status …". */
function transition(status: StatusRecord, wanted: string, at: number): void {
  const { event = '', from = [] } = transitions[wanted] ?? {}
  if (!from.includes(status.state)) {
    throw refusal(
      400,
      `Cannot transition status via :${event} from :${status.state} (Reason(s): Status cannot transition via "${event}")`
    )
  }
  status.state = wanted
  status.updatedAt = at
  if (wanted === 'running') status.startedAt = at
  if (wanted !== 'pending' && wanted !== 'running') status.finishedAt = at
}
