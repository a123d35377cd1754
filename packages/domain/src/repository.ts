/** The account that repositories belong to. Its slug is its name in this installation and survives renames at the forge. */
export interface Owner {
  id: string
  forgeId: string
  forgeOwnerId: string
  /** The name at the forge, as last seen. Display only. */
  login: string
  /** null while no slug could be given (taken or reserved): an administrator chooses one. */
  slug: string | null
  createdAt: number
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
  connectedAt: number
  disconnectedAt: number | null
  suspendedAt: number | null
}
