import Type, { type Static } from 'typebox'

export const ForgeKind = Type.Union([Type.Literal('github'), Type.Literal('gitlab'), Type.Literal('gitea')])
export type ForgeKind = Static<typeof ForgeKind>

/**
 * A configured git host. Everything of a forge is keyed by (`forgeId`, the forge's numeric id), never by a name:
 * names are renamed, released and registered again by strangers.
 */
export interface ForgeInstance {
  forgeId: string
  kind: ForgeKind
  /** Where people and git go, without a trailing slash: `https://github.com`. */
  baseUrl: string
  /** Where the REST API answers, without a trailing slash: `https://api.github.com`. */
  apiUrl: string
}

/** An account at a forge: user, organisation or (GitLab) top-level group. */
export const ForgeOwner = Type.Object({
  /** The forge's numeric id as a decimal string. */
  forgeOwnerId: Type.String({ pattern: '^[0-9]{1,20}$' }),
  login: Type.String({ minLength: 1, maxLength: 255 })
})
export type ForgeOwner = Static<typeof ForgeOwner>

/** A repository as a forge describes it. */
export const ForgeRepository = Type.Object({
  /** The forge's numeric id as a decimal string. It survives renames and transfers. */
  forgeRepositoryId: Type.String({ pattern: '^[0-9]{1,20}$' }),
  name: Type.String({ minLength: 1, maxLength: 255 }),
  /** `owner/name`; on GitLab with every group in between: `group/sub/name`. */
  fullName: Type.String({ minLength: 3, maxLength: 1024 }),
  defaultBranch: Type.String({ minLength: 1, maxLength: 255 }),
  isPrivate: Type.Boolean(),
  /** null where the payload does not carry the owner's numeric id (GitLab's push hook): it is looked up before anything is built. */
  owner: Type.Union([ForgeOwner, Type.Null()]),
  /** GitHub's App installation; null elsewhere. */
  installationId: Type.Union([Type.String({ pattern: '^[0-9]{1,20}$' }), Type.Null()])
})
export type ForgeRepository = Static<typeof ForgeRepository>

/** What a push says, after its signature was verified. Only the fields that are used are kept of a payload. */
export const PushEvent = Type.Object({
  repository: ForgeRepository,
  /** Full ref: `refs/heads/main`, `refs/tags/v1`. */
  ref: Type.String(),
  /** The commit that the ref pointed to before; null when the ref is new. */
  before: Type.Union([Type.String(), Type.Null()]),
  /** The commit that the ref points to now; null when the ref was deleted. */
  commit: Type.Union([Type.String(), Type.Null()]),
  isForced: Type.Boolean(),
  /** First 1,000 characters of the head commit's message; empty when there is none. Display and `[skip ci]` only. */
  message: Type.String({ maxLength: 1000 }),
  /** The account that the forge authenticated, never commit metadata. */
  sender: Type.Object({ forgeUserId: Type.String(), login: Type.String() })
})
export type PushEvent = Static<typeof PushEvent>

/**
 * What a delivery says. Every event but `push` is only a hint that something changed at the forge:
 * the forge is asked for the truth before anything is stored from it, because only the body is signed, not its freshness.
 */
export const ForgeEvent = Type.Union([
  Type.Object({ kind: Type.Literal('push'), push: PushEvent }),
  Type.Object({ kind: Type.Literal('ping') }),
  Type.Object({
    kind: Type.Literal('installation'),
    action: Type.Union([
      Type.Literal('created'),
      Type.Literal('deleted'),
      Type.Literal('suspended'),
      Type.Literal('unsuspended'),
      Type.Literal('permissions-accepted'),
      Type.Literal('repositories-changed')
    ]),
    installationId: Type.String(),
    owner: ForgeOwner,
    /** Numeric ids of the repositories that the payload names (added and removed alike). */
    forgeRepositoryIds: Type.Array(Type.String())
  }),
  Type.Object({ kind: Type.Literal('owner-renamed'), owner: ForgeOwner }),
  Type.Object({
    kind: Type.Literal('repository-changed'),
    /** The forge's own word: renamed, transferred, archived, deleted, privatized, publicized, edited, … */
    action: Type.String(),
    forgeRepositoryId: Type.String(),
    installationId: Type.Union([Type.String(), Type.Null()])
  }),
  Type.Object({
    kind: Type.Literal('rerequest'),
    forgeRepositoryId: Type.String(),
    commit: Type.String(),
    /** The commit status' context; null when the whole suite is asked for again. */
    context: Type.Union([Type.String(), Type.Null()]),
    sender: Type.Object({ forgeUserId: Type.String(), login: Type.String() })
  }),
  Type.Object({ kind: Type.Literal('ignored'), reason: Type.String() })
])
export type ForgeEvent = Static<typeof ForgeEvent>

const commitPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** True for a full object id, SHA-1 or SHA-256, in lower case. All zeros is no commit: forges send it for "none". */
export function isCommit(text: string): boolean {
  return commitPattern.test(text) && !/^0+$/.test(text)
}

/** True for the all-zero object id that forges send for "there is none". */
export function isZeroCommit(text: string): boolean {
  return commitPattern.test(text) && /^0+$/.test(text)
}

export function shortCommit(commit: string): string {
  return commit.slice(0, 7)
}

/**
 * git's own rules for a full ref name (git-check-ref-format(1)), and no component that begins with `-`,
 * which git allows in a ref but which must never reach a command line.
 */
export function isValidRef(ref: string): boolean {
  if (ref.length > 512 || !ref.startsWith('refs/')) return false
  // oxlint-disable-next-line no-control-regex -- control characters are what git refuses
  if (/[\u0000-\u0020\u007f~^:?*[\\]/.test(ref) || ref.includes('..') || ref.includes('@{') || ref.includes('//'))
    return false
  if (!ref.isWellFormed() || ref.endsWith('/') || ref.endsWith('.')) return false
  const parts = ref.split('/')
  return (
    parts.length >= 3 &&
    parts.every((part) => part !== '' && !part.startsWith('.') && !part.startsWith('-') && !part.endsWith('.lock'))
  )
}

/** The branch of a ref (`refs/heads/feature/x` is `feature/x`), or null when the ref is no branch. */
export function branchOf(ref: string): string | null {
  const prefix = 'refs/heads/'
  return ref.startsWith(prefix) && ref.length > prefix.length ? ref.slice(prefix.length) : null
}

/** A repository's path at its forge may only hold what forges allow in one, so that it can stand in a URL and on a disk. */
export function isValidFullName(fullName: string): boolean {
  const parts = fullName.split('/')
  return (
    fullName.length <= 1024 &&
    parts.length >= 2 &&
    parts.every((part) => /^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/.test(part) && part !== '.' && part !== '..')
  )
}
