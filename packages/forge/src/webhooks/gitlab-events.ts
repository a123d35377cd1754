import { branchOf, Failure, type ForgeEvent, isCommit, isZeroCommit } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import {
  createShape,
  FullName,
  Id,
  ignored,
  type JsonObject,
  Name,
  ObjectId,
  RefName,
  shortMessage
} from './delivery.ts'

/*
 * The used fields of GitLab's events (https://docs.gitlab.com/user/project/integrations/webhook_events/ and
 * https://docs.gitlab.com/administration/system_hooks/). A body says itself what it is, in `object_kind` or `event_name`:
 * that is signed, the header is not, so the body is believed and the header has to agree.
 */

const Commit = Type.Object({ id: Type.String(), message: Type.String() })

const Push = Type.Object({
  ref: RefName,
  before: ObjectId,
  after: ObjectId,
  project_id: Id,
  user_id: Id,
  // older versions leave it out of tag pushes
  user_username: Type.Optional(Name),
  user_name: Name,
  project: Type.Object({
    path_with_namespace: FullName,
    default_branch: Type.Union([Name, Type.Null()]),
    visibility_level: Type.Integer()
  }),
  commits: Type.Optional(Type.Array(Commit))
})

const ProjectEvent = Type.Object({ project_id: Id, path_with_namespace: FullName })
const GroupRename = Type.Object({ group_id: Id, full_path: Name, old_full_path: Name })

const visibilityPublic = 20

const projectActions = new Set(['project_destroy', 'project_rename', 'project_transfer', 'project_update'])

/** Which header goes with which body. A system hook sends everything under one name. */
const headersOf: Record<string, string[]> = {
  push: ['Push Hook', 'System Hook'],
  tag_push: ['Tag Push Hook', 'System Hook'],
  project_create: ['System Hook', 'Project Hook'],
  project_destroy: ['System Hook', 'Project Hook'],
  project_rename: ['System Hook'],
  project_transfer: ['System Hook'],
  project_update: ['System Hook'],
  group_rename: ['System Hook']
}

/** What nothing follows from, though hooks are told of it. Of a request that is merged its branch tells by a push. */
const unused = new Map([
  ['merge_request', 'a merge request is not deployed: what is merged arrives as a push to its branch']
])

function pushOf(body: Static<typeof Push>): ForgeEvent {
  const { project, ref, commits = [] } = body
  const head = commits.find(({ id }) => id === body.after) ?? commits.at(-1)
  return {
    kind: 'push',
    push: {
      repository: {
        forgeRepositoryId: String(body.project_id),
        // `project.name` is a title; the path is what stands in addresses
        name: project.path_with_namespace.split('/').at(-1) || project.path_with_namespace,
        fullName: project.path_with_namespace,
        // none yet while the first push is taken in: that push's branch becomes it
        defaultBranch: project.default_branch ?? branchOf(ref)?.slice(0, 255) ?? 'main',
        // "internal" (10) is open to everybody who signed in, not to a clone without credentials
        isPrivate: project.visibility_level !== visibilityPublic,
        owner: null,
        installationId: null
      },
      ref,
      before: isCommit(body.before) ? body.before : null,
      commit: isZeroCommit(body.after) ? null : body.after,
      // GitLab does not say
      isForced: false,
      message: shortMessage(head?.message ?? ''),
      sender: { forgeUserId: String(body.user_id), login: body.user_username ?? body.user_name }
    }
  }
}

/** What a body says it is: `object_kind` of hooks, `event_name` of system hooks. They never contradict each other. */
function kindOf(body: JsonObject): string {
  const { object_kind: kind, event_name: name } = body
  if (kind !== undefined && name !== undefined && kind !== name) {
    throw new Failure('invalid-payload', 'object_kind and event_name name two events')
  }
  const given = kind ?? name
  if (typeof given !== 'string' || !/^[a-z_]{1,64}$/.test(given)) {
    throw new Failure('invalid-payload', 'the body does not say which event it is')
  }
  return given
}

/** Made once per source: compiling the shapes is not free. */
export function createGitLabReader(): (eventName: string, body: JsonObject) => ForgeEvent {
  const push = createShape('push', Push)
  const projectEvent = createShape('project', ProjectEvent)
  const groupRename = createShape('group_rename', GroupRename)

  return (eventName, body) => {
    const kind = kindOf(body)
    const headers = Object.hasOwn(headersOf, kind) ? headersOf[kind] : undefined
    if (headers === undefined) {
      if (eventName === 'Push Hook' || eventName === 'Tag Push Hook') {
        throw new Failure('invalid-payload', `the event is called "${eventName}", the body is a ${kind}`)
      }
      return ignored(unused.get(kind) ?? `Slipway does not use the event "${kind}"`)
    }
    if (!headers.includes(eventName)) {
      throw new Failure('invalid-payload', `the event is called "${eventName}", the body is a ${kind}`)
    }
    if (kind === 'push' || kind === 'tag_push') return pushOf(push.read(body))
    if (kind === 'group_rename') {
      const { group_id: id, full_path: login } = groupRename.read(body)
      // Owners are top-level groups. A subgroup's rename changes its repositories' names, which their next push tells.
      if (login.includes('/')) return ignored('only top-level groups are owners')
      return { kind: 'owner-renamed', owner: { forgeOwnerId: String(id), login } }
    }
    const { project_id: id } = projectEvent.read(body)
    if (!projectActions.has(kind)) return ignored(`nothing follows from the event "${kind}"`)
    return { kind: 'repository-changed', action: kind, forgeRepositoryId: String(id), installationId: null }
  }
}
