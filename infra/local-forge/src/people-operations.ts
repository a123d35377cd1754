import { Failure } from '@slipway/domain'
import type { Core } from './core.ts'
import type { AccessLevel, Account } from './state.ts'
import { signedInToken } from './tokens.ts'

/** What can be done about people: who they are, and what they may. On GitLab's scale: 20 reads, 30 writes, 40 maintains, 50 owns. */
export interface PeopleOperations {
  createUser(login: string): { id: number; login: string }
  /** An organisation, at GitLab a group. */
  createGroup(login: string): { id: number; login: string }
  /** By which owners are numbered: at GitLab a user's namespace has a number of its own. */
  namespaceIdOf(login: string): number
  /** The name is free then. */
  rename(login: string, to: string): void
  /** With an organisation or group: 50 owns it. Less is what a member may do with all of its repositories. null: no member any more. */
  setMember(group: string, login: string, level: AccessLevel | null): void
  setCollaborator(repositoryId: number, login: string, level: AccessLevel | null): void
  /** As if the person took back at the forge what was agreed to: no token of that works any more. */
  revoke(login: string): void
  /** As if the time had passed: access tokens are over, refresh tokens are not. */
  expireTokens(login: string): void
}

export function peopleOperations({ state, accounts, people, tokens }: Core): PeopleOperations {
  const groupType = state.data.kind === 'gitlab' ? 'Group' : 'Organization'
  const find = (login: string): Account => {
    const account = accounts.byLogin(login)
    if (account === null) throw new Failure('not-found', `there is no account ${login}`)
    return account
  }
  const about = ({ id, login }: Account) => ({ id, login })

  return {
    createUser: (login) => about(accounts.ensure(login, 'User')),
    createGroup: (login) => about(accounts.ensure(login, groupType)),
    namespaceIdOf: (login) => find(login).namespaceId,
    rename: (login, to) => accounts.rename(find(login), to),
    setMember: (group, login, level) =>
      people.grant(accounts.ensure(login, 'User').id, 'owner', accounts.ensure(group, groupType).id, level),
    setCollaborator: (repositoryId, login, level) =>
      people.grant(accounts.ensure(login, 'User').id, 'repository', repositoryId, level),
    revoke(login) {
      const { id } = find(login)
      tokens.end((token) => token.accountId === id && token.expiresAt !== null)
    },
    expireTokens(login) {
      const { id } = find(login)
      tokens.end((token) => token.accountId === id && token.name === signedInToken)
    }
  }
}
