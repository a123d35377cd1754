import { createHash } from 'node:crypto'
import { type ApiToken, auditName, Failure } from '@slipway/domain'
import { createLookups, type HandlerDeps, type Handlers } from './handling.ts'
import { hashOf, newToken } from './sign-in/one-time.ts'
import { assertMayGive, dayMs, tokenView } from './token-handlers.ts'
import { makeToken } from './tokens.ts'

const kind = 'terminal'
const lifetimeMs = 2 * 60_000

/** What was confirmed in the page, kept until the command comes for it. */
interface Confirmed {
  challenge: string
  owner: string
  about: Omit<ApiToken, 'id' | 'createdAt' | 'lastUsedAt'>
  /** As the audit log names who confirmed. */
  by: string
}

export function createTerminalHandlers(
  deps: Pick<HandlerDeps, 'store' | 'now'>
): Handlers<'letTerminalIn' | 'redeemTerminalTicket'> {
  const { store, now } = deps
  const { ownerIdOf, note } = createLookups(deps)

  return {
    async letTerminalIn({ owner, challenge, host, scope, expiresInDays }, caller) {
      const ownerId = await ownerIdOf(owner)
      assertMayGive(caller, { owner, ownerId, scope })
      if (caller.kind === 'token') {
        throw new Failure('forbidden', 'a token lets no command in: somebody who is signed in does, in a browser')
      }
      const at = now()
      const tokenUntil = at + expiresInDays * dayMs
      const name = `slipway login on ${host}`
      const maker = { accountId: caller.kind === 'account' ? caller.accountId : null, parentId: null }
      const about = { ownerId, name, scope, ...maker, createdBy: caller.name, expiresAt: tokenUntil }
      const confirmed: Confirmed = { challenge, owner, about, by: auditName(caller) }
      const ticket = newToken()
      const expiresAt = at + lifetimeMs
      await store.tickets.issue({ kind, hash: hashOf(ticket), data: JSON.stringify(confirmed), expiresAt }, at)
      await note(caller, 'let-terminal-in', ownerId, `owner/${owner}`, { host, scope, expiresAt: tokenUntil })
      return { ticket, expiresAt }
    },
    async redeemTerminalTicket({ ticket, verifier }) {
      const taken = await store.tickets.take(kind, hashOf(ticket), now())
      if (taken === null) {
        throw new Failure('not-found', 'this sign-in was used already or is over: call "slipway login" again')
      }
      const { challenge, owner, about, by } = JSON.parse(taken) as Confirmed
      if (createHash('sha256').update(verifier).digest('base64url') !== challenge) {
        throw new Failure('unauthenticated', 'this sign-in was begun by another command: call "slipway login" again')
      }
      const { secret, hash } = makeToken()
      const token = await store.tokens.create({ ...about, hash }, now())
      const { ownerId, name, scope, expiresAt } = about
      const detail = { name, scope, expiresAt }
      const entry = { at: now(), actor: by, action: 'create-token', ownerId, resource: `token/${token.id}`, detail }
      await store.audit.append(entry)
      return { token: tokenView(token, owner), secret }
    }
  }
}
