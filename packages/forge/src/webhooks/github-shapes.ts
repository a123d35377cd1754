import Type from 'typebox'
import { FullName, Id, Name, ObjectId, RefName } from './delivery.ts'

/*
 * The used fields of GitHub's events (https://docs.github.com/webhooks/webhook-events-and-payloads).
 * Only the body is signed, not the header that names the event, so a body has to have its event's own shape.
 */

export const Account = Type.Object({
  id: Id,
  login: Type.Optional(Name),
  slug: Type.Optional(Name),
  name: Type.Optional(Name)
})
export const Sender = Type.Object({ id: Id, login: Name })
const Installation = Type.Optional(Type.Object({ id: Id }))
export const Action = Type.String({ maxLength: 64, pattern: '^[a-z_]+$' })
const absent = Type.Optional(Type.Never())

export const Push = Type.Object({
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

export const Ping = Type.Object({ zen: Type.String(), hook_id: Id })

export const InstallationEvent = Type.Object({
  action: Action,
  installation: Type.Object({ id: Id, account: Account }),
  repositories: Type.Optional(Type.Array(Type.Object({ id: Id }))),
  sender: Sender,
  // installation_repositories and installation_target carry an installation too
  repositories_added: absent,
  account: absent
})

export const InstallationRepositories = Type.Object({
  action: Action,
  installation: Type.Object({ id: Id, account: Account }),
  repositories_added: Type.Array(Type.Object({ id: Id })),
  repositories_removed: Type.Array(Type.Object({ id: Id })),
  sender: Sender
})

export const InstallationTarget = Type.Object({
  action: Action,
  account: Account,
  installation: Type.Object({ id: Id }),
  target_type: Type.String(),
  changes: Type.Object({})
})

/** Most events carry a repository. Only this one carries nothing else. */
export const RepositoryEvent = Type.Object(
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

export const CheckRun = Type.Object({
  action: Action,
  check_run: Type.Object({ name: Name, head_sha: ObjectId }),
  repository: Type.Object({ id: Id }),
  sender: Sender
})

export const CheckSuite = Type.Object({
  action: Action,
  check_suite: Type.Object({ head_sha: ObjectId }),
  repository: Type.Object({ id: Id }),
  sender: Sender
})
