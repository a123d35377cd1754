import { createHash, randomBytes } from 'node:crypto'
import { auditName, hasGlimpse, isAdministrator, noGrants, type Store, tokenAuditName } from '@slipway/domain'
import type { Logger } from '@slipway/service'
import type { Caller } from './identify.ts'

/** 32 random bytes: nobody guesses them, and nobody finds them by their SHA-256. */
export function makeToken(): { secret: string; hash: string } {
  const secret = `slw_${randomBytes(32).toString('base64url')}`
  return { secret, hash: hashOf(secret) }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

export interface FindTokenDeps {
  store: Pick<Store, 'tokens'>
  /** An account and what it may now; null: it is gone. */
  findAccount(accountId: string): Promise<Caller | null>
  uses: Pick<TokenUses, 'note'>
  now: () => number
}

/** Finds who has a token. One whose maker has no right any more on its owner is as good as unknown. */
export function createFindToken({ store, findAccount, uses, now }: FindTokenDeps) {
  return async (secret: string): Promise<Caller | null> => {
    const found = await store.tokens.find(hashOf(secret), now())
    if (found === null) return null
    const { id: tokenId, ownerId, scope, accountId } = found
    const account = accountId === null ? null : await findAccount(accountId)
    if (accountId !== null && account === null) return null
    const grants =
      account === null || !isAdministrator(account)
        ? (account?.grants ?? noGrants)
        : { ...noGrants, owners: new Map([[ownerId, 'admin' as const]]) }
    if (account !== null && !hasGlimpse(grants, ownerId)) return null
    uses.note(tokenId)
    const name = tokenAuditName(found.name, account === null ? 'administrator' : auditName(account))
    return { kind: 'token', name, tokenId, ownerId, scope, accountId, grants }
  }
}

export interface TokenUses {
  note(tokenId: string): void
  close(): Promise<void>
}

const writeEveryMs = 60_000

/** Writes down when tokens were last used, together and seldom: no request waits for it. */
export function createTokenUses(store: Pick<Store, 'tokens'>, now: () => number, logger: Logger): TokenUses {
  let noted = new Map<string, number>()

  async function write(): Promise<void> {
    if (noted.size === 0) return
    const uses = [...noted].map(([id, at]) => ({ id, at }))
    noted = new Map()
    try {
      await store.tokens.use(uses)
    } catch (err) {
      logger.warn({ err }, 'when tokens were last used could not be written down')
    }
  }

  const timer = setInterval(() => void write(), writeEveryMs)
  timer.unref()
  return {
    note: (tokenId) => noted.set(tokenId, now()),
    async close() {
      clearInterval(timer)
      await write()
    }
  }
}
