import { Failure, isValidFullName } from '@slipway/domain'
import type { Account, StateFile } from './state.ts'

/** The people and groups of the forge. */
export interface Accounts {
  byId(id: number): Account
  /** Case does not count, as at both forges. */
  byLogin(login: string): Account | null
  byNamespaceId(namespaceId: number): Account | null
  /**
   * The account of that name, made when there is none: a group's parents with it.
   *
   * @throws Failure `invalid-request` when no forge allows such a name.
   */
  ensure(login: string, type: Account['type']): Account
  /** The name that it had is free then. @throws Failure `name-taken` */
  rename(account: Account, login: string): void
  /** Users, in the order in which they came. */
  users(): Account[]
}

export function createAccounts(state: StateFile, now: () => number): Accounts {
  const { accounts, kind } = state.data
  const byLogin = (login: string) =>
    accounts.find((account) => account.login.toLowerCase() === login.toLowerCase()) ?? null

  function ensure(login: string, type: Account['type']): Account {
    const known = byLogin(login)
    if (known !== null) return known
    if (!isValidFullName(`${login}/x`) || (login.includes('/') && type !== 'Group')) {
      throw new Failure('invalid-request', `${JSON.stringify(login.slice(0, 80))} is no name for an account`)
    }
    const parent = login.includes('/') ? ensure(login.slice(0, login.lastIndexOf('/')), 'Group') : null
    const id = state.nextId()
    const account: Account = {
      id,
      namespaceId: kind === 'gitlab' && type === 'User' ? state.nextId() : id,
      login,
      type,
      parentId: parent?.id ?? null,
      createdAt: now()
    }
    accounts.push(account)
    state.changed()
    return account
  }

  return {
    byId(id) {
      const account = accounts.find((candidate) => candidate.id === id)
      if (account === undefined) throw new Failure('not-found', `there is no account ${id}`)
      return account
    },
    byLogin,
    rename(account, login) {
      if (byLogin(login) !== null) throw new Failure('name-taken', `there is an account ${login} already`)
      account.login = login
      state.changed()
    },
    users: () => accounts.filter(({ type }) => type === 'User'),
    byNamespaceId: (namespaceId) => accounts.find((account) => account.namespaceId === namespaceId) ?? null,
    ensure
  }
}
