import type { CommitablePipelineStatus } from '@gitbeaker/rest'
import {
  type Build,
  type BuildStatus,
  branchOf,
  type CommitStatus,
  Failure,
  type ForgeApi,
  type ForgeInstance,
  type ForgeOwner
} from '@slipway/domain'
import Type, { type Static } from 'typebox'
import { cloneUrl, commitUrl, repositoryUrl } from '../addresses.ts'
import { createAllowance } from './allowance.ts'
import { defaultTimeoutMs, ForgeId, orNull, readAnswer } from './answer.ts'
import { createKeptAnswers } from './conditional.ts'
import { createConnections, withTopic } from './gitlab-connection.ts'
import { createRequester, gitLabAccount } from './gitlab-requester.ts'
import { createLastError } from './last-error.ts'
import { type CallFetch, leanFetch } from './lean-fetch.ts'
import { oneLine } from './text.ts'

export interface GitLabApiConfig {
  instance: ForgeInstance
  /** Scope `api`, of an account that is at least Developer (for statuses) in the projects. */
  token: string
  /** What git reads private repositories with: scope `read_repository` is enough. null: `token` is used. */
  readToken: string | null
  /** A deploy token's user name; null for every other kind of token, with which GitLab takes any. */
  readUsername: string | null
  fetch?: CallFetch
  /** Of one call; 10 s unless set. */
  timeoutMs?: number
  now: () => number
}

const ProjectAnswer = Type.Object({
  id: ForgeId,
  path: Type.String({ minLength: 1 }),
  path_with_namespace: Type.String({ minLength: 3 }),
  default_branch: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Null()])),
  visibility: Type.Union([Type.Literal('public'), Type.Literal('internal'), Type.Literal('private')]),
  archived: Type.Boolean(),
  topics: Type.Optional(Type.Array(Type.String())),
  namespace: Type.Object({
    id: ForgeId,
    full_path: Type.String({ minLength: 1 }),
    parent_id: Type.Optional(Type.Union([ForgeId, Type.Null()]))
  })
})
const GroupAnswer = Type.Object({ id: ForgeId, full_path: Type.String({ minLength: 1 }) })
const BranchAnswer = Type.Object({ commit: Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{40,64}$' }) }) })
const StatusAnswer = Type.Object({ id: ForgeId, pipeline_id: Type.Optional(Type.Union([ForgeId, Type.Null()])) })

const states: Record<BuildStatus, CommitablePipelineStatus> = {
  queued: 'pending',
  building: 'running',
  deploying: 'running',
  live: 'success',
  failed: 'failed',
  error: 'failed',
  superseded: 'canceled',
  cancelled: 'canceled',
  skipped: 'success'
}

const textLimit = 255
/** A configured token has no end that we know of; who holds one asks again after this. */
const credentialMs = 60 * 60_000

/** GitLab's ref parameter is the name of the branch or tag. */
function refNameOf(ref: string): string {
  return branchOf(ref) ?? ref.replace(/^refs\/tags\//, '')
}

export function createGitLabApi(config: GitLabApiConfig): ForgeApi {
  const { instance, token, readToken, readUsername, timeoutMs = defaultTimeoutMs, now } = config
  const fetch = config.fetch ?? leanFetch

  const allowance = createAllowance('GitLab', now)
  const lastError = createLastError(now)
  const heads = createKeptAnswers()

  /** @gitbeaker is large: loaded with the first call. */
  async function resources(signal: AbortSignal, kept: typeof heads | null = null) {
    const [{ Branches, Commits, Groups, ProjectHooks, Projects, Users }, requesterFn] = await Promise.all([
      import('@gitbeaker/rest'),
      createRequester({ instance, fetch, timeoutMs, now, allowance, lastError }, signal, kept)
    ])
    const options = { host: instance.baseUrl, token, requesterFn, rateLimits: {} }
    return {
      branches: new Branches(options),
      commits: new Commits(options),
      groups: new Groups(options),
      hooks: new ProjectHooks(options),
      projects: new Projects(options),
      users: new Users(options)
    }
  }

  /**
   * The top-level namespace: users and groups have one each, and namespaces are numbered together, so that no user is taken
   * for the group with the same number. A group's id is its namespace's id.
   */
  async function ownerOf(project: Static<typeof ProjectAnswer>, signal: AbortSignal): Promise<ForgeOwner> {
    const { id, full_path: path, parent_id: parentId } = project.namespace
    if (parentId === null || parentId === undefined) return { forgeOwnerId: String(id), login: path }
    const { groups } = await resources(signal)
    const topPath = path.split('/')[0] ?? path
    const answer = await orNull(groups.show(topPath, { withProjects: false }))
    if (answer === null) {
      const message = `GitLab does not show the group "${topPath}": make the token's account a member of it`
      throw new Failure('forbidden', message)
    }
    const group = readAnswer('GitLab', 'GET groups/:id', GroupAnswer, answer)
    return { forgeOwnerId: String(group.id), login: group.full_path }
  }

  const connections = createConnections(instance, resources)

  return {
    instance,
    cloneUrl: (repository) => cloneUrl(instance, repository),
    repositoryUrl: (repository) => repositoryUrl(instance, repository),
    commitUrl: (repository, commit) => commitUrl(instance, repository, commit),

    // GitLab has nothing like an installation token: a project token for each build would make an account each time and needs
    // a paid plan on gitlab.com. A configured token that may only read is the narrowest there is; without one git gets
    // the API's own, which may do more.
    readCredential(repository) {
      if (!repository.isPrivate) return Promise.resolve(null)
      return Promise.resolve({
        username: readToken === null ? 'oauth2' : (readUsername ?? 'oauth2'),
        password: readToken ?? token,
        expiresAt: now() + credentialMs
      })
    },

    async findRepository({ forgeRepositoryId }, signal) {
      const { projects } = await resources(signal)
      const answer = await orNull(projects.show(Number(forgeRepositoryId)))
      if (answer === null) return null
      const project = readAnswer('GitLab', 'GET projects/:id', ProjectAnswer, answer)
      if (String(project.id) !== forgeRepositoryId) {
        throw new Failure('unavailable', `GitLab answered with project ${project.id} instead of ${forgeRepositoryId}`)
      }
      return {
        forgeRepositoryId,
        name: project.path,
        fullName: project.path_with_namespace,
        // an empty repository has none yet
        defaultBranch: project.default_branch ?? 'main',
        isPrivate: project.visibility !== 'public',
        owner: await ownerOf(project, signal),
        installationId: null,
        isArchived: project.archived,
        connection: withTopic(project.topics ?? []) ? 'there' : await connections.byHook(project.id, signal)
      }
    },

    async findHead({ forgeRepositoryId }, ref, signal, urgency = 'now') {
      const branch = branchOf(ref)
      if (branch === null) return null
      if (urgency === 'whenever') allowance.assertAmple(gitLabAccount)
      const { branches } = await resources(signal, heads)
      const answer = await orNull(branches.show(Number(forgeRepositoryId), branch))
      return answer === null ? null : readAnswer('GitLab', 'GET branches/:branch', BranchAnswer, answer).commit.id
    },

    app: null,
    identity: connections.identity,
    standing: () => ({
      limits: allowance.list().map(({ key: _account, ...limit }) => ({ installationId: null, ...limit })),
      lastError: lastError.get()
    }),

    // GitLab tells of failed deliveries only to who may administer the hook, and sends most of them again by itself.
    missedDeliveries: () => Promise.resolve([]),
    fetchDelivery: () => Promise.resolve(null),

    findInstallation() {
      const message = 'GitLab has no App installations: repositories are connected by their hooks'
      return Promise.reject(new Failure('unsupported', message))
    },

    async report({ repository, build, status, externalId }, signal) {
      const { commits } = await resources(signal)
      const call = 'POST projects/:id/statuses/:sha'
      const put = async (pipelineId: string | null): Promise<string | null> => {
        const { forgeRepositoryId } = repository
        const options = statusOf(build, status, pipelineId)
        const answer = await commits.editStatus(Number(forgeRepositoryId), build.commit, states[status.state], options)
        const made = readAnswer('GitLab', call, StatusAnswer, answer).pipeline_id
        return made === null || made === undefined ? pipelineId : String(made)
      }
      try {
        return await put(externalId)
      } catch (err) {
        if (!(err instanceof Failure)) throw err
        // It stands there already: an earlier call came through without its answer, or said more.
        if (err.code === 'invalid-request' && /cannot transition status/i.test(err.message)) return externalId
        // The pipeline was deleted, or is one of another branch with the same commit.
        if (err.code === 'not-found' && externalId !== null) return put(null)
        throw err
      }
    }
  }
}

function statusOf(build: Build, status: CommitStatus, pipelineId: string | null) {
  const { targetUrl } = status
  return {
    name: status.context,
    ref: refNameOf(build.ref),
    description: oneLine(status.description, textLimit),
    ...(targetUrl === null || targetUrl.length > textLimit ? {} : { targetUrl }),
    // a commit may have several pipelines: all that is said of it belongs to the one that the first status was put in
    ...(pipelineId === null ? {} : { pipelineId: Number(pipelineId) })
  }
}
