import type { Core } from './core.ts'
import type { Account } from './state.ts'

export interface Developer {
  id: number
  login: string
  /** May read and push everywhere, and create repositories over REST. */
  token: string
}

const developerPermissions = {
  contents: 'write',
  administration: 'write',
  statuses: 'write',
  checks: 'read',
  metadata: 'read',
  api: 'write'
} as const

/** The account with its token, which is made at the first time. */
export function developerOf({ state, tokens }: Core, account: Account): Developer {
  const known = state.data.tokens.find((token) => token.accountId === account.id && token.name === 'developer')
  const token =
    known ??
    tokens.issue({
      prefix: state.data.kind === 'github' ? 'ghp_' : 'glpat-',
      name: 'developer',
      accountId: account.id,
      installationId: null,
      repositoryIds: null,
      permissions: developerPermissions,
      expiresAt: null
    })
  return { id: account.id, login: account.login, token: token.token }
}
