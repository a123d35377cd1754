import type { Logger } from '@slipway/service'
import { type Accounts, createAccounts } from './accounts.ts'
import type { Address } from './address.ts'
import { type Commits, createCommits } from './commits.ts'
import { createGit, type Git } from './git.ts'
import { createPeople, type People } from './people.ts'
import { createRepositories, type Repositories } from './repositories.ts'
import { type Account, openState, type State, type StateFile } from './state.ts'
import { createTokens, type Tokens } from './tokens.ts'

export interface LocalForgeOptions {
  kind: State['kind']
  /** Holds the bare repositories and everything else that the forge keeps. One forge at a time. */
  root: string
  /** Default 0: a free one. */
  port?: number
  /** Default 127.0.0.1. The forge is not made to be reached by others. */
  host?: string
  logger: Logger
  /** Default `developer`. */
  developer?: string
  webhook?: WebhookOptions
  now?: () => number
  /** Where git is found. */
  path?: string
}

export interface WebhookOptions {
  url: string
  /** GitHub: signs the body (`X-Hub-Signature-256`). */
  secret?: string
  /** GitLab: `whsec_` and a key in base64, signs the body (`webhook-signature`). */
  signingToken?: string
  /** GitLab: sent as it is (`X-Gitlab-Token`). */
  token?: string
  /** Only the events of this repository. */
  repositoryId?: number
}

/** What both kinds of forge are made of. */
export interface Core {
  state: StateFile
  git: Git
  accounts: Accounts
  repositories: Repositories
  people: People
  tokens: Tokens
  commits: Commits
  address: () => Address
  /** To be called once the forge listens. */
  setAddress(address: Address): void
  /** Who pushes when nobody else is named. */
  developer: Account
  now: () => number
}

const usualPath = '/usr/local/bin:/usr/bin:/bin'

export async function openCore(options: LocalForgeOptions): Promise<Core> {
  const { kind, root, logger, developer = 'developer', now = Date.now, path = usualPath } = options
  const state = await openState(root, kind, logger)
  const git = await createGit(root, path)
  const accounts = createAccounts(state, now)
  const repositories = createRepositories({ root, state, accounts, git, now })
  let address: Address = { url: '', apiUrl: '' }
  return {
    state,
    git,
    accounts,
    repositories,
    people: createPeople(state, accounts, repositories),
    tokens: createTokens(state, now),
    commits: createCommits({ git, repositories }),
    address: () => address,
    setAddress(known) {
      address = known
    },
    developer: accounts.ensure(developer, 'User'),
    now
  }
}
