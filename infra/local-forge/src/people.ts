import type { Accounts } from './accounts.ts'
import type { HostedRepository, Repositories } from './repositories.ts'
import type { AccessGrant, AccessLevel, Account, StateFile, Token } from './state.ts'
import { signedInToken } from './tokens.ts'

/** What people may do: what is theirs, what they were given, and what their groups give them. */
export interface People {
  /** In place of what it was; null takes it away. */
  grant(accountId: number, on: AccessGrant['on'], id: number, level: AccessLevel | null): void
  /** On an owner itself: its own account, or a membership, also of a group above. 0: none. */
  levelOnOwner(accountId: number, ownerId: number): AccessLevel | 0
  levelOnRepository(accountId: number, repository: HostedRepository): AccessLevel | 0
  /** Organisations and groups that an account is a direct member of. */
  membershipsOf(accountId: number): { owner: Account; level: AccessLevel }[]
  /** True when the token may be used on a repository: one that a person gave by signing in reaches what that person sees. */
  covers(token: Token, repository: HostedRepository): boolean
  /** Repositories that an account may see by more than their being public. */
  repositoriesOf(accountId: number): { repository: HostedRepository; level: AccessLevel }[]
}

export function createPeople(state: StateFile, accounts: Accounts, repositories: Repositories): People {
  const grants = (): AccessGrant[] => {
    state.data.grants ??= []
    return state.data.grants
  }
  const given = (accountId: number, on: AccessGrant['on'], id: number): AccessLevel | 0 =>
    grants().find((one) => one.accountId === accountId && one.on === on && one.id === id)?.level ?? 0

  function levelOnOwner(accountId: number, ownerId: number): AccessLevel | 0 {
    if (accountId === ownerId) return 50
    const { parentId } = accounts.byId(ownerId)
    return highest(given(accountId, 'owner', ownerId), parentId === null ? 0 : levelOnOwner(accountId, parentId))
  }
  const levelOnRepository = (accountId: number, repository: HostedRepository) =>
    highest(given(accountId, 'repository', repository.id), levelOnOwner(accountId, repository.ownerId))

  return {
    grant(accountId, on, id, level) {
      const others = grants().filter((one) => one.accountId !== accountId || one.on !== on || one.id !== id)
      state.data.grants = level === null ? others : [...others, { accountId, on, id, level }]
      state.changed()
    },
    levelOnOwner,
    levelOnRepository,
    membershipsOf: (accountId) =>
      grants()
        .filter((one) => one.accountId === accountId && one.on === 'owner')
        .map(({ id, level }) => ({ owner: accounts.byId(id), level })),
    covers: (token, repository) =>
      token.name !== signedInToken || !repository.isPrivate || levelOnRepository(token.accountId, repository) >= 20,
    repositoriesOf: (accountId) =>
      repositories.all().flatMap((repository) => {
        const level = levelOnRepository(accountId, repository)
        return level === 0 ? [] : [{ repository, level }]
      })
  }
}

function highest(a: AccessLevel | 0, b: AccessLevel | 0): AccessLevel | 0 {
  return a > b ? a : b
}
