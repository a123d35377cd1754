import { Failure, type ForgeInstance } from '@slipway/domain'
import Type from 'typebox'
import { createAllowance } from './allowance.ts'
import { defaultTimeoutMs, ForgeId, orNull, readAnswer } from './answer.ts'
import { createRequester } from './gitlab-requester.ts'
import { type CallFetch, leanFetch } from './lean-fetch.ts'

const UserAnswer = Type.Object({
  id: ForgeId,
  username: Type.String({ minLength: 1 }),
  web_url: Type.String({ minLength: 1 })
})
const ProjectAnswer = Type.Object({ id: ForgeId, path_with_namespace: Type.String({ minLength: 3 }) })
const HookAnswer = Type.Object({
  id: ForgeId,
  url: Type.String(),
  push_events: Type.Boolean(),
  tag_push_events: Type.Optional(Type.Boolean()),
  /** Since GitLab 19.0, which signs; one before it takes no notice of a signing token. */
  signing_token_present: Type.Optional(Type.Boolean())
})

export interface WantedHook {
  url: string
  /** `whsec_…` */
  signingToken: string
  /** Sent along by a GitLab that cannot sign. */
  token: string
}

/** Makes the hook of a project, with a token whose account may administer it. Each call throws what the forge says, as a Failure. */
export interface GitLabHooks {
  /** Whose token it is. @throws Failure `invalid-configuration` when GitLab does not take it */
  account(signal: AbortSignal): Promise<{ id: string; login: string; url: string }>
  /** null: it is not there, or the account does not see it. */
  project(path: string, signal: AbortSignal): Promise<{ id: string; fullName: string } | null>
  /** Whether the account may administer hooks there. */
  isAllowed(projectId: string, signal: AbortSignal): Promise<boolean>
  /** The one hook that leads to that address: made, or brought to what is wanted. `isTold`: of pushes and tags. */
  put(
    projectId: string,
    wanted: WantedHook,
    signal: AbortSignal
  ): Promise<{ id: number; isNew: boolean; isSigned: boolean; isTold: boolean }>
  /** Gives the hook that leads to that address other tokens. null: there is none. */
  change(projectId: string, wanted: WantedHook, signal: AbortSignal): Promise<{ id: number } | null>
  /** Has GitLab deliver the newest push again. null: it was taken; else why not, as GitLab says it. */
  test(projectId: string, hookId: number, signal: AbortSignal): Promise<string | null>
}

export function createGitLabHooks({
  instance,
  token,
  now,
  timeoutMs = defaultTimeoutMs,
  fetch = leanFetch
}: {
  instance: ForgeInstance
  token: string
  now: () => number
  timeoutMs?: number
  fetch?: CallFetch
}): GitLabHooks {
  const allowance = createAllowance('GitLab', now)

  async function resources(signal: AbortSignal) {
    const [{ ProjectHooks, Projects, Users }, requesterFn] = await Promise.all([
      import('@gitbeaker/rest'),
      createRequester({ instance, fetch, timeoutMs, now, allowance }, signal)
    ])
    const options = { host: instance.baseUrl, token, requesterFn, rateLimits: {} }
    return { hooks: new ProjectHooks(options), projects: new Projects(options), users: new Users(options) }
  }

  /** @param isMade whether one that is not there is made */
  async function save(projectId: string, wanted: WantedHook, isMade: boolean, signal: AbortSignal) {
    const { url, signingToken, token: plainToken } = wanted
    const { hooks } = await resources(signal)
    const project = Number(projectId)
    const call = 'projects/:id/hooks'
    const known = readAnswer('GitLab', `GET ${call}`, Type.Array(HookAnswer), await hooks.all(project))
    const former = known.find((one) => one.url === url)
    if (former === undefined && !isMade) return null
    // What @gitbeaker does not know of yet is sent like the rest.
    const options = {
      pushEvents: true,
      tagPushEvents: true,
      mergeRequestsEvents: true,
      enableSslVerification: true,
      signingToken
    }
    const made = readAnswer(
      'GitLab',
      `POST ${call}`,
      HookAnswer,
      former === undefined ? await hooks.add(project, url, options) : await hooks.edit(project, former.id, url, options)
    )
    const isSigned = made.signing_token_present === true
    if (!isSigned) await hooks.edit(project, made.id, url, { ...options, token: plainToken })
    const isTold = made.push_events && made.tag_push_events !== false
    return { id: made.id, isNew: former === undefined, isSigned, isTold }
  }

  return {
    async account(signal) {
      const answer = await (await resources(signal)).users.showCurrentUser()
      const { id, username, web_url: url } = readAnswer('GitLab', 'GET user', UserAnswer, answer)
      return { id: String(id), login: username, url }
    },
    async project(path, signal) {
      const answer = await orNull((await resources(signal)).projects.show(path))
      if (answer === null) return null
      const { id, path_with_namespace: fullName } = readAnswer('GitLab', 'GET projects/:id', ProjectAnswer, answer)
      return { id: String(id), fullName }
    },
    async isAllowed(projectId, signal) {
      try {
        await (await resources(signal)).hooks.all(Number(projectId))
        return true
      } catch (err) {
        if (err instanceof Failure && (err.code === 'forbidden' || err.code === 'not-found')) return false
        throw err
      }
    },
    async put(projectId, wanted, signal) {
      const saved = await save(projectId, wanted, true, signal)
      if (saved === null) throw new Error('a hook is made where there is none')
      return saved
    },
    change: (projectId, wanted, signal) => save(projectId, wanted, false, signal),
    async test(projectId, hookId, signal) {
      const { hooks } = await resources(signal)
      try {
        await hooks.requester.post(`${projectId}/hooks/${hookId}/test/push_events`, { body: {} })
        return null
      } catch (err) {
        if (err instanceof Failure && (err.code === 'invalid-request' || err.code === 'rate-limited'))
          return err.message
        throw err
      }
    }
  }
}
