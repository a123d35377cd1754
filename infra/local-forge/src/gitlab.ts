import { randomBytes } from 'node:crypto'
import type { Core, LocalForgeOptions } from './core.ts'
import type { ForgeForm } from './form.ts'
import { type LocalForgeHost, startHost } from './host.ts'
import { ensureOAuthClient } from './oauth.ts'
import { gitLabRest } from './rest-gitlab.ts'
import { gitLabSignIn } from './sign-in-gitlab.ts'
import type { Permissions, Token } from './state.ts'
import { coversRepository } from './tokens.ts'
import { createGitLabSignature, describeGitLabPush, gitlabCommitLimit } from './webhooks-gitlab.ts'

/** A local forge in GitLab's form. */
export interface GitLabLocalForge extends LocalForgeHost {
  readonly kind: 'gitlab'
  /** Of a bot with the `api` scope on every project: what an administrator would give to Slipway. */
  readonly accessToken: string
  /** A credential of one project, for `PRIVATE-TOKEN` and for git. */
  createProjectToken(
    repositoryId: number,
    options?: { scope?: 'api' | 'read_repository'; expiresInMs?: number }
  ): string
  /** ID tokens have this nonce instead of the one that was sent; null: as they should. */
  setNonce(nonce: string | null): void
}

export async function startGitLab(core: Core, options: LocalForgeOptions): Promise<GitLabLocalForge> {
  const { address } = core
  const oauthClient = await ensureOAuthClient(core.state, randomBytes(32).toString('hex'))
  const signInTrouble: { nonce: string | null } = { nonce: null }
  const form: ForgeForm = {
    apiPath: '/api/v4',
    commitLimit: gitlabCommitLimit,
    rest: (scope, deliveries) => gitLabRest(scope, { ...core, deliveries }),
    sign: createGitLabSignature(address),
    describePush: (push) => describeGitLabPush(address(), push),
    // A project's hook is told of pushes, not of renames and transfers.
    describeChange: () => null,
    covers: (token, repository) => coversRepository(token, repository) && core.people.covers(token, repository),
    ...gitLabSignIn(core, oauthClient, signInTrouble)
  }
  const { host } = await startHost(core, form, options)
  return {
    ...host,
    kind: 'gitlab',
    accessToken: botToken(core).token,
    setNonce(nonce) {
      signInTrouble.nonce = nonce
    },
    createProjectToken(repositoryId, { scope = 'api', expiresInMs = 86_400_000 } = {}) {
      const permissions: Permissions = scope === 'api' ? { api: 'write', contents: 'write' } : { contents: 'read' }
      const token = core.tokens.issue({
        prefix: 'glpat-',
        name: 'project',
        accountId: core.accounts.ensure(`project_${repositoryId}_bot`, 'User').id,
        installationId: null,
        repositoryIds: [repositoryId],
        permissions,
        expiresAt: core.now() + expiresInMs
      })
      return token.token
    }
  }
}

function botToken({ state, accounts, tokens }: Core): Token {
  const bot = accounts.ensure('slipway-bot', 'User')
  const known = state.data.tokens.find((token) => token.accountId === bot.id)
  return (
    known ??
    tokens.issue({
      prefix: 'glpat-',
      name: 'access',
      accountId: bot.id,
      installationId: null,
      repositoryIds: null,
      permissions: { api: 'write', contents: 'read' },
      expiresAt: null
    })
  )
}
