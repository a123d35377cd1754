import type { TokenView } from '@slipway/client'
import { type ApiToken, authorize, Failure, highestRight, includesScope, type TokenScope } from '@slipway/domain'
import { createLookups, type HandlerDeps, type Handlers } from './handling.ts'
import type { Caller } from './identify.ts'
import { makeToken } from './tokens.ts'

export const dayMs = 24 * 3600_000

export function createTokenHandlers(
  deps: Pick<HandlerDeps, 'store' | 'now'>
): Handlers<'listTokens' | 'createToken' | 'revokeToken'> {
  const { store, now } = deps
  const { ownerIdOf, note } = createLookups(deps)

  /** Those that a caller may see and revoke: all of them for who administers the owner, else the caller's own. */
  function tokensOf(caller: Caller, ownerId: string): Promise<ApiToken[]> {
    const owner = { kind: 'owner', ownerId, hasPublicPages: false } as const
    if (authorize(caller, caller.grants, 'set-access', owner) === 'allowed') return store.tokens.list(ownerId)
    return 'accountId' in caller ? store.tokens.list(ownerId, caller.accountId) : Promise.resolve([])
  }

  /** A token makes none that outlives it or its maker's rights. */
  async function boundsOf(caller: Caller) {
    if (caller.kind !== 'token') {
      return { accountId: caller.kind === 'account' ? caller.accountId : null, parentId: null, until: null }
    }
    const parent = await store.tokens.get(caller.tokenId)
    if (parent === null) throw new Failure('unauthenticated', 'this token was revoked')
    return { accountId: caller.accountId, parentId: parent.id, until: parent.expiresAt }
  }

  return {
    async listTokens({ owner }, caller) {
      const tokens = await tokensOf(caller, await ownerIdOf(owner))
      return { items: tokens.map((token) => tokenView(token, owner)) }
    },
    async createToken({ owner, name, scope, expiresInDays }, caller) {
      const ownerId = await ownerIdOf(owner)
      assertMayGive(caller, { owner, ownerId, scope })
      const { accountId, parentId, until } = await boundsOf(caller)
      const expiresAt = Math.min(now() + expiresInDays * dayMs, until ?? Number.POSITIVE_INFINITY)
      const { secret, hash } = makeToken()
      const about = { ownerId, name, scope, accountId, parentId, createdBy: caller.name, expiresAt }
      const token = await store.tokens.create({ ...about, hash }, now())
      await note(caller, 'create-token', ownerId, `token/${token.id}`, { name, scope, expiresAt })
      return { token: tokenView(token, owner), secret }
    },
    async revokeToken({ owner, id }, caller) {
      const ownerId = await ownerIdOf(owner)
      const token = (await tokensOf(caller, ownerId)).find((one) => one.id === id)
      if (token === undefined) throw new Failure('not-found', `there is no token ${id} of ${owner}`)
      await store.tokens.revoke(id)
      await note(caller, 'revoke-token', ownerId, `token/${id}`, { name: token.name, scope: token.scope })
      return { message: `the token "${token.name}" is revoked` }
    }
  }
}

/** @throws Failure `forbidden` when a token of that scope could do more than who makes it */
export function assertMayGive(
  caller: Caller,
  { owner, ownerId, scope }: { owner: string; ownerId: string; scope: TokenScope }
): void {
  const highest = highestRight(caller, caller.grants, ownerId)
  if (includesScope(highest, scope)) return
  throw new Failure('forbidden', `a token for "${scope}" may do more than you with ${owner} ("${highest}")`)
}

export function tokenView(
  { id, name, scope, createdBy, createdAt, expiresAt, lastUsedAt }: ApiToken,
  owner: string
): TokenView {
  return { id, owner, name, scope, createdBy, createdAt, expiresAt, lastUsedAt }
}
