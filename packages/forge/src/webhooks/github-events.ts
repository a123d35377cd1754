import { Failure, type ForgeEvent, type ForgeOwner, isCommit, isZeroCommit } from '@slipway/domain'
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
 * The used fields of GitHub's events (https://docs.github.com/webhooks/webhook-events-and-payloads).
 * Only the body is signed, not the header that names the event, so a body has to have its event's own shape.
 */

const Account = Type.Object({
  id: Id,
  login: Type.Optional(Name),
  slug: Type.Optional(Name),
  name: Type.Optional(Name)
})
const Sender = Type.Object({ id: Id, login: Name })
const Installation = Type.Optional(Type.Object({ id: Id }))
const Action = Type.String({ maxLength: 64, pattern: '^[a-z_]+$' })
const absent = Type.Optional(Type.Never())

const Push = Type.Object({
  ref: RefName,
  before: ObjectId,
  after: ObjectId,
  forced: Type.Boolean(),
  head_commit: Type.Union([Type.Object({ message: Type.String() }), Type.Null()]),
  pusher: Type.Object({ name: Name }),
  repository: Type.Object({
    id: Id,
    name: Name,
    full_name: FullName,
    default_branch: Name,
    private: Type.Boolean(),
    owner: Account
  }),
  sender: Type.Optional(Sender),
  installation: Installation
})

const Ping = Type.Object({ zen: Type.String(), hook_id: Id })

const InstallationEvent = Type.Object({
  action: Action,
  installation: Type.Object({ id: Id, account: Account }),
  repositories: Type.Optional(Type.Array(Type.Object({ id: Id }))),
  sender: Sender,
  // installation_repositories and installation_target carry an installation too
  repository_selection: absent,
  repositories_added: absent,
  account: absent,
  repository: absent
})

const InstallationRepositories = Type.Object({
  action: Action,
  installation: Type.Object({ id: Id, account: Account }),
  repositories_added: Type.Array(Type.Object({ id: Id })),
  repositories_removed: Type.Array(Type.Object({ id: Id })),
  sender: Sender
})

const InstallationTarget = Type.Object({
  action: Action,
  account: Account,
  installation: Type.Object({ id: Id }),
  target_type: Type.String(),
  changes: Type.Object({})
})

/** Most events carry a repository. Only this one carries nothing else. */
const RepositoryEvent = Type.Object(
  {
    action: Action,
    repository: Type.Object({ id: Id }),
    sender: Sender,
    changes: Type.Optional(Type.Object({})),
    installation: Installation,
    organization: Type.Optional(Type.Unknown()),
    enterprise: Type.Optional(Type.Unknown())
  },
  { additionalProperties: false }
)

const CheckRun = Type.Object({
  action: Action,
  check_run: Type.Object({ name: Name, head_sha: ObjectId }),
  repository: Type.Object({ id: Id }),
  sender: Sender
})

const CheckSuite = Type.Object({
  action: Action,
  check_suite: Type.Object({ head_sha: ObjectId }),
  repository: Type.Object({ id: Id }),
  sender: Sender
})

const installationActions: Record<string, Extract<ForgeEvent, { kind: 'installation' }>['action']> = {
  created: 'created',
  deleted: 'deleted',
  suspend: 'suspended',
  unsuspend: 'unsuspended',
  new_permissions_accepted: 'permissions-accepted'
}

const repositoryActions = new Set([
  'renamed',
  'transferred',
  'archived',
  'unarchived',
  'deleted',
  'privatized',
  'publicized'
])

function ownerOf(account: Static<typeof Account>): ForgeOwner {
  const login = account.login ?? account.slug ?? account.name
  if (login === undefined) throw new Failure('invalid-payload', 'the account has no login')
  return { forgeOwnerId: String(account.id), login }
}

function senderOf({ id, login }: Static<typeof Sender>) {
  return { forgeUserId: String(id), login }
}

function idOf(part: { id: number } | undefined): string | null {
  return part === undefined ? null : String(part.id)
}

function pushOf(body: Static<typeof Push>): ForgeEvent {
  const { repository, sender, pusher } = body
  return {
    kind: 'push',
    push: {
      repository: {
        forgeRepositoryId: String(repository.id),
        name: repository.name,
        fullName: repository.full_name,
        defaultBranch: repository.default_branch,
        isPrivate: repository.private,
        owner: ownerOf(repository.owner),
        installationId: idOf(body.installation)
      },
      ref: body.ref,
      before: isCommit(body.before) ? body.before : null,
      commit: isZeroCommit(body.after) ? null : body.after,
      isForced: body.forced,
      message: shortMessage(body.head_commit?.message ?? ''),
      // GitHub leaves the sender out when no account stands behind a push; the pusher's name is its own word, too.
      sender: sender === undefined ? { forgeUserId: '0', login: pusher.name } : senderOf(sender)
    }
  }
}

/** Made once per source: compiling the shapes is not free. */
export function createGitHubReader(): (eventName: string, body: JsonObject) => ForgeEvent {
  const push = createShape('push', Push)
  const ping = createShape('ping', Ping)
  const installation = createShape('installation', InstallationEvent)
  const installationRepositories = createShape('installation_repositories', InstallationRepositories)
  const installationTarget = createShape('installation_target', InstallationTarget)
  const repository = createShape('repository', RepositoryEvent)
  const checkRun = createShape('check_run', CheckRun)
  const checkSuite = createShape('check_suite', CheckSuite)

  const readers: Record<string, (body: JsonObject) => ForgeEvent> = {
    push: (body) => pushOf(push.read(body)),
    ping(body) {
      ping.read(body)
      return { kind: 'ping' }
    },
    installation(body) {
      const read = installation.read(body)
      const action = installationActions[read.action]
      if (action === undefined) return ignored(`nothing follows from an installation that is ${read.action}`)
      return {
        kind: 'installation',
        action,
        installationId: String(read.installation.id),
        owner: ownerOf(read.installation.account),
        forgeRepositoryIds: (read.repositories ?? []).map(({ id }) => String(id))
      }
    },
    installation_repositories(body) {
      const read = installationRepositories.read(body)
      return {
        kind: 'installation',
        action: 'repositories-changed',
        installationId: String(read.installation.id),
        owner: ownerOf(read.installation.account),
        forgeRepositoryIds: [...read.repositories_added, ...read.repositories_removed].map(({ id }) => String(id))
      }
    },
    installation_target(body) {
      const { action, account } = installationTarget.read(body)
      if (action !== 'renamed') return ignored(`nothing follows from an account that is ${action}`)
      return { kind: 'owner-renamed', owner: ownerOf(account) }
    },
    repository(body) {
      const read = repository.read(body)
      const isUsed =
        repositoryActions.has(read.action) ||
        (read.action === 'edited' && read.changes !== undefined && 'default_branch' in read.changes)
      if (!isUsed) return ignored(`nothing follows from a repository that is ${read.action}`)
      return {
        kind: 'repository-changed',
        action: read.action,
        forgeRepositoryId: String(read.repository.id),
        installationId: idOf(read.installation)
      }
    },
    check_run(body) {
      const { action, check_run: run, repository, sender } = checkRun.read(body)
      if (action !== 'rerequested') return ignored(`nothing follows from a check run that is ${action}`)
      return {
        kind: 'rerequest',
        forgeRepositoryId: String(repository.id),
        commit: run.head_sha,
        context: run.name,
        sender: senderOf(sender)
      }
    },
    check_suite(body) {
      const { action, check_suite: suite, repository, sender } = checkSuite.read(body)
      if (action !== 'rerequested') return ignored(`nothing follows from a check suite that is ${action}`)
      return {
        kind: 'rerequest',
        forgeRepositoryId: String(repository.id),
        commit: suite.head_sha,
        context: null,
        sender: senderOf(sender)
      }
    }
  }

  return (eventName, body) => {
    const read = Object.hasOwn(readers, eventName) ? readers[eventName] : undefined
    if (read !== undefined) return read(body)
    // A push under another name would be ignored, and its delivery id with it be used up.
    if (push.fits(body)) throw new Failure('invalid-payload', `the body is a push, the event is called "${eventName}"`)
    return ignored(`Slipway does not use the event "${eventName}"`)
  }
}
