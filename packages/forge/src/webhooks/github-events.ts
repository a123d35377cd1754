import type { EmitterWebhookEventName } from '@octokit/webhooks'
import { Failure, type ForgeEvent, type ForgeOwner, isCommit, isZeroCommit } from '@slipway/domain'
import type { Static, TSchema } from 'typebox'
import { createShape, ignored, type JsonObject, shortMessage } from './delivery.ts'
import {
  type Account,
  CheckRun,
  CheckSuite,
  InstallationEvent,
  InstallationRepositories,
  InstallationTarget,
  Ping,
  Push,
  RepositoryEvent,
  type Sender
} from './github-shapes.ts'

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

function installationOf({ action, installation, repositories = [] }: Static<typeof InstallationEvent>): ForgeEvent {
  const known = installationActions[action]
  if (known === undefined) return ignored(`nothing follows from an installation that is ${action}`)
  return {
    kind: 'installation',
    action: known,
    installationId: String(installation.id),
    owner: ownerOf(installation.account),
    forgeRepositoryIds: repositories.map(({ id }) => String(id))
  }
}

function installationRepositoriesOf(body: Static<typeof InstallationRepositories>): ForgeEvent {
  return {
    kind: 'installation',
    action: 'repositories-changed',
    installationId: String(body.installation.id),
    owner: ownerOf(body.installation.account),
    forgeRepositoryIds: [...body.repositories_added, ...body.repositories_removed].map(({ id }) => String(id))
  }
}

function installationTargetOf({ action, account }: Static<typeof InstallationTarget>): ForgeEvent {
  if (action !== 'renamed') return ignored(`nothing follows from an account that is ${action}`)
  return { kind: 'owner-renamed', owner: ownerOf(account) }
}

function repositoryOf({ action, repository, installation, changes = {} }: Static<typeof RepositoryEvent>): ForgeEvent {
  const isUsed = repositoryActions.has(action) || (action === 'edited' && 'default_branch' in changes)
  if (!isUsed) return ignored(`nothing follows from a repository that is ${action}`)
  return {
    kind: 'repository-changed',
    action,
    forgeRepositoryId: String(repository.id),
    installationId: idOf(installation)
  }
}

function checkRunOf({ action, check_run: run, repository, sender }: Static<typeof CheckRun>): ForgeEvent {
  if (action !== 'rerequested') return ignored(`nothing follows from a check run that is ${action}`)
  return {
    kind: 'rerequest',
    forgeRepositoryId: String(repository.id),
    commit: run.head_sha,
    context: run.name,
    sender: senderOf(sender)
  }
}

function checkSuiteOf({ action, check_suite: suite, repository, sender }: Static<typeof CheckSuite>): ForgeEvent {
  if (action !== 'rerequested') return ignored(`nothing follows from a check suite that is ${action}`)
  return {
    kind: 'rerequest',
    forgeRepositoryId: String(repository.id),
    commit: suite.head_sha,
    context: null,
    sender: senderOf(sender)
  }
}

type Read = (body: JsonObject) => ForgeEvent

function reader<S extends TSchema>(
  eventName: EmitterWebhookEventName,
  schema: S,
  eventOf: (body: Static<S>) => ForgeEvent
): [string, Read] {
  const shape = createShape(eventName, schema)
  return [eventName, (body) => eventOf(shape.read(body))]
}

/** Made once per source: compiling the shapes is not free. */
export function createGitHubReader(): (eventName: string, body: JsonObject) => ForgeEvent {
  const push = createShape('push', Push)
  const readers = new Map<string, Read>([
    reader('push', Push, pushOf),
    reader('ping', Ping, () => ({ kind: 'ping' })),
    reader('installation', InstallationEvent, installationOf),
    reader('installation_repositories', InstallationRepositories, installationRepositoriesOf),
    reader('installation_target', InstallationTarget, installationTargetOf),
    reader('repository', RepositoryEvent, repositoryOf),
    reader('check_run', CheckRun, checkRunOf),
    reader('check_suite', CheckSuite, checkSuiteOf)
  ])
  return (eventName, body) => {
    const read = readers.get(eventName)
    if (read !== undefined) return read(body)
    // A push under another name would be ignored, and its delivery id with it be used up.
    if (push.fits(body)) throw new Failure('invalid-payload', `the body is a push, the event is called "${eventName}"`)
    return ignored(`Slipway does not use the event "${eventName}"`)
  }
}
