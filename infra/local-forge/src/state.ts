import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '@slipway/domain'
import type { Logger } from '@slipway/service'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'

const nullable = <S extends Type.TSchema>(schema: S) => Type.Union([schema, Type.Null()])
const Id = Type.Integer({ minimum: 1 })
const Milliseconds = Type.Integer({ minimum: 0 })

/** A user, an organisation (GitHub) or a group (GitLab). A group's login is its whole path: `group/sub`. */
export const Account = Type.Object({
  id: Id,
  /** GitLab gives a user's namespace an id of its own; elsewhere the same as `id`. */
  namespaceId: Id,
  login: Type.String(),
  type: Type.Union([Type.Literal('User'), Type.Literal('Organization'), Type.Literal('Group')]),
  parentId: nullable(Id),
  createdAt: Milliseconds
})
export type Account = Static<typeof Account>

export const RepositoryRecord = Type.Object({
  id: Id,
  ownerId: Id,
  name: Type.String(),
  isPrivate: Type.Boolean(),
  isArchived: Type.Boolean(),
  defaultBranch: Type.String(),
  /** Full names that lead here until somebody else takes them. */
  formerNames: Type.Array(Type.String()),
  createdAt: Milliseconds,
  pushedAt: nullable(Milliseconds)
})
export type RepositoryRecord = Static<typeof RepositoryRecord>

/** `write` includes `read`. */
export const Permissions = Type.Record(Type.String(), Type.Union([Type.Literal('read'), Type.Literal('write')]))
export type Permissions = Static<typeof Permissions>

export const Token = Type.Object({
  id: Id,
  token: Type.String(),
  name: Type.String(),
  /** Who acts when the token is used. */
  accountId: Id,
  /** GitHub: the App installation that it was made for. */
  installationId: nullable(Id),
  /** null: every repository that the account may see. */
  repositoryIds: nullable(Type.Array(Id)),
  permissions: Permissions,
  createdAt: Milliseconds,
  expiresAt: nullable(Milliseconds)
})
export type Token = Static<typeof Token>

export const Webhook = Type.Object({
  id: Id,
  uuid: Type.String(),
  url: Type.String(),
  /** GitHub: signs the body. */
  secret: nullable(Type.String()),
  /** GitLab: sent as it is. */
  token: nullable(Type.String()),
  /** GitLab: `whsec_` and the key in base64. */
  signingToken: nullable(Type.String()),
  /** null: the events of every repository. */
  repositoryId: nullable(Id),
  /** Left out: it is. */
  isActive: Type.Optional(Type.Boolean()),
  /** GitLab: what it is told of; left out: of everything. */
  triggers: Type.Optional(Type.Array(Type.String()))
})
export type Webhook = Static<typeof Webhook>

export const Installation = Type.Object({
  id: Id,
  ownerId: Id,
  /** null: every repository of the owner. */
  repositoryIds: nullable(Type.Array(Id)),
  suspendedAt: nullable(Milliseconds),
  createdAt: Milliseconds,
  updatedAt: Milliseconds
})
export type Installation = Static<typeof Installation>

export const App = Type.Object({
  id: Id,
  accountId: Id,
  slug: Type.String(),
  clientId: Type.String(),
  /** PKCS #1 PEM, as GitHub hands it out. */
  privateKey: Type.String(),
  /** Keys that were made later; each opens the App as well. */
  moreKeys: Type.Optional(Type.Array(Type.String())),
  /** What it was registered with by a manifest; left out: what Slipway's App asks for. */
  manifest: Type.Optional(
    Type.Object({
      name: Type.String(),
      permissions: Permissions,
      events: Type.Array(Type.String()),
      setupUrl: nullable(Type.String()),
      isPublic: Type.Boolean()
    })
  ),
  createdAt: Milliseconds
})
export type App = Static<typeof App>

/** What an account may do with an owner or a repository that is not its own, on GitLab's scale: 20 reads, 30 writes, 40 maintains, 50 owns. */
export const AccessGrant = Type.Object({
  accountId: Id,
  on: Type.Union([Type.Literal('owner'), Type.Literal('repository')]),
  id: Id,
  level: Type.Union([Type.Literal(10), Type.Literal(20), Type.Literal(30), Type.Literal(40), Type.Literal(50)])
})
export type AccessGrant = Static<typeof AccessGrant>
export type AccessLevel = AccessGrant['level']

/** Who may send people here to sign in: the App's own OAuth client (GitHub), an application (GitLab). */
export const OAuthClient = Type.Object({
  clientId: Type.String(),
  clientSecret: Type.String(),
  callbackUrls: Type.Array(Type.String()),
  /** PEM, signs ID tokens. */
  signingKey: Type.String()
})
export type OAuthClient = Static<typeof OAuthClient>

export const Annotation = Type.Object({
  path: Type.String(),
  start_line: Type.Integer(),
  end_line: Type.Integer(),
  start_column: Type.Optional(Type.Integer()),
  end_column: Type.Optional(Type.Integer()),
  annotation_level: Type.Union([Type.Literal('notice'), Type.Literal('warning'), Type.Literal('failure')]),
  message: Type.String(),
  title: Type.Optional(Type.String()),
  raw_details: Type.Optional(Type.String())
})
export type Annotation = Static<typeof Annotation>

export const CheckRun = Type.Object({
  id: Id,
  suiteId: Id,
  repositoryId: Id,
  commit: Type.String(),
  name: Type.String(),
  status: Type.Union([Type.Literal('queued'), Type.Literal('in_progress'), Type.Literal('completed')]),
  conclusion: nullable(Type.String()),
  detailsUrl: nullable(Type.String()),
  externalId: nullable(Type.String()),
  title: nullable(Type.String()),
  summary: nullable(Type.String()),
  text: nullable(Type.String()),
  annotations: Type.Array(Annotation),
  startedAt: Milliseconds,
  completedAt: nullable(Milliseconds),
  updatedAt: Milliseconds
})
export type CheckRun = Static<typeof CheckRun>

/** A commit status, GitHub's or GitLab's. */
export const StatusRecord = Type.Object({
  id: Id,
  repositoryId: Id,
  commit: Type.String(),
  context: Type.String(),
  state: Type.String(),
  description: nullable(Type.String()),
  targetUrl: nullable(Type.String()),
  creatorId: Id,
  /** GitLab only. */
  ref: nullable(Type.String()),
  pipelineId: nullable(Id),
  startedAt: nullable(Milliseconds),
  finishedAt: nullable(Milliseconds),
  createdAt: Milliseconds,
  updatedAt: Milliseconds
})
export type StatusRecord = Static<typeof StatusRecord>

export const State = Type.Object({
  kind: Type.Union([Type.Literal('github'), Type.Literal('gitlab')]),
  nextId: Id,
  accounts: Type.Array(Account),
  repositories: Type.Array(RepositoryRecord),
  tokens: Type.Array(Token),
  webhooks: Type.Array(Webhook),
  installations: Type.Array(Installation),
  app: nullable(App),
  checkRuns: Type.Array(CheckRun),
  statuses: Type.Array(StatusRecord),
  /** Not in the files of former versions. */
  grants: Type.Optional(Type.Array(AccessGrant)),
  oauthClient: Type.Optional(OAuthClient)
})
export type State = Static<typeof State>

/** Everything that the forge knows but the git objects. It outlives a restart in one file, so that ids and tokens stay what they were. */
export interface StateFile {
  readonly data: State
  nextId(): number
  /** To be called after a change. Writing is put off a little, so that many changes make one write. */
  changed(): void
  close(): Promise<void>
}

const writeDelayMs = 250

export async function openState(root: string, kind: State['kind'], logger: Logger): Promise<StateFile> {
  await mkdir(root, { recursive: true })
  const file = join(root, 'forge.json')
  const data = (await readState(file)) ?? emptyState(kind)
  if (data.kind !== kind) {
    throw new Failure(
      'invalid-configuration',
      `${root} holds a local forge of kind ${data.kind}, not ${kind}: choose another directory`
    )
  }
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    const temporary = `${file}.new`
    await writeFile(temporary, JSON.stringify(data), { mode: 0o600 })
    await rename(temporary, file)
  }

  return {
    data,
    nextId: () => data.nextId++,
    changed() {
      timer ??= setTimeout(() => {
        timer = null
        writing = writing.then(write).catch((err: unknown) => {
          // What is in memory stays right; the next change tries again.
          logger.error({ err, file }, 'could not write the state of the local forge')
        })
      }, writeDelayMs)
    },
    async close() {
      if (timer !== null) clearTimeout(timer)
      await writing
      try {
        await write()
      } catch (err) {
        // Whoever removed the directory wants nothing of it kept.
        if (!isMissing(err)) throw err
      }
    }
  }
}

function emptyState(kind: State['kind']): State {
  return {
    kind,
    nextId: 1001,
    accounts: [],
    repositories: [],
    tokens: [],
    webhooks: [],
    installations: [],
    app: null,
    checkRuns: [],
    statuses: []
  }
}

async function readState(file: string): Promise<State | null> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (err) {
    if (isMissing(err)) return null
    throw new Failure('invalid-configuration', `${file} cannot be read`, { cause: err })
  }
  try {
    return Value.Parse(State, JSON.parse(text))
  } catch (err) {
    throw new Failure('invalid-configuration', `${file} is not the state of a local forge: remove it to start anew`, {
      cause: err
    })
  }
}

function isMissing(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 'ENOENT'
}
