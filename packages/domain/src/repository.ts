import Type from 'typebox'
import type { FunctionAccess } from './access.ts'

/** The account that repositories belong to. Its slug is its name in this installation and survives renames at the forge. */
export interface Owner {
  id: string
  forgeId: string
  forgeOwnerId: string
  /** The name at the forge, as last seen. Display only. */
  login: string
  /** null while no slug could be given (taken or reserved): an administrator chooses one. */
  slug: string | null
  /** How its builds are kept apart from others; null: as the installation does. */
  buildIsolation: BuildIsolation | null
  /** False: an allow list is kept, and the owner is not on it. Always true for owners without a forge. */
  isListed: boolean
  /** An administrator stopped its builds and deploys; null: nobody did. */
  suspension: OwnerSuspension | null
  createdAt: number
}

export interface OwnerSuspension {
  at: number
  /** Told to everybody whose build it ends. */
  reason: string
}

export const notListed = 'the owner is not on the allow list of this installation'

/** Why nothing of an owner is built or deployed; null when nothing stands in the way. Its functions go on answering. */
export function ownerStopReason({ isListed, suspension }: Pick<Owner, 'isListed' | 'suspension'>): string | null {
  if (!isListed) return notListed
  return suspension === null ? null : `the administrator suspended the owner: ${suspension.reason}`
}

/**
 * How builds are kept apart. `shared`: one build engine with what it offers; neighbours share processor, memory and network.
 * `strict`: each build has a cgroup and a network of its own, with limits that hold; slower, and without build secrets.
 */
export const BuildIsolation = Type.Enum(['shared', 'strict'])
export type BuildIsolation = 'shared' | 'strict'

/**
 * What becomes of a running build when its branch moves on. `wait`: it ends and goes live, then only the newest commit is built.
 * `override`: it is stopped at once, which saves the time and lets a branch that is pushed to faster than it builds never go live.
 */
export const BuildPolicy = Type.Enum(['wait', 'override'])
export type BuildPolicy = 'wait' | 'override'

/**
 * Folders that are sent by the status API are repositories of a forge that is none: each has an owner and a name, its commits are
 * the ids of what was sent, and nothing is ever asked about them. Everything else (latest wins, generations, pruning of its own
 * functions alone, rollback, retention) is the same as for what comes from git.
 */
export const uploadForgeId = 'api'

/** The only branch of such a repository. */
export const uploadRef = 'refs/heads/main'

/** Does what is built come from a folder that was sent, and not from git? */
export function isUploaded(repository: Pick<Repository, 'forgeId'>): boolean {
  return repository.forgeId === uploadForgeId
}

/** The name of a folder that is sent: letters, digits, `-`, `_` and `.`, at most 63. */
export function isUploadName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)
}

/** What stands where a folder's name stands for one function that is deployed as an image: no folder that people send is so called by chance. */
export function imageFolderName(functionName: string): string {
  return `image.${functionName}`
}

/** The function that a folder stands for, which is deployed as an image; null: it is another folder, or a repository. */
export function imageFunctionOf(repository: Pick<Repository, 'forgeId' | 'name'>): string | null {
  return isUploaded(repository) && repository.name.startsWith('image.') ? repository.name.slice('image.'.length) : null
}

/** A repository as it is stored. `forgeId` and `forgeRepositoryId` are its identity. */
export interface Repository {
  id: string
  /** null until the owner's numeric id was looked up at the forge. */
  ownerId: string | null
  forgeId: string
  forgeRepositoryId: string
  name: string
  fullName: string
  defaultBranch: string
  isPrivate: boolean
  installationId: string | null
  /** Setting: the production branch; null means the installation's or the repository's default. */
  branch: string | null
  /** Setting: where the stack file is; null means `stack.yml` or `stack.yaml` at the root. */
  stackPath: string | null
  /** Setting: all functions of a stack go live, or none. */
  isAtomic: boolean
  /** Setting: what becomes of a running build when the branch moves on. */
  policy: BuildPolicy
  /** Setting: pushes are built and deployed by themselves. Otherwise they are recorded, and somebody asks for what is to go live. */
  isAutomatic: boolean
  /** Setting: everybody may see its builds, logs and functions, while it is not private at its forge. */
  hasPublicPages: boolean
  /** Setting: who may call its functions that do not say so themselves; null: as its owner says. */
  access: FunctionAccess | null
  connectedAt: number
  /** It was lost at the forge. Its functions stay until the grace period is over. */
  disconnectedAt: number | null
  /** Its functions were removed, because it stayed disconnected; of an image's folder: somebody took its function out of service. */
  removedAt: number | null
  suspendedAt: number | null
  /** Who last saw it at the forge, as `ForgeApi.identity` says; null: nobody. What others do not see is not lost. */
  seenBy: string | null
  /** Who last saw that it is connected there. */
  connectionSeenBy: string | null
}
