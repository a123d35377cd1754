import { Failure, type Store } from '@slipway/domain'
import { hashOf, newToken } from './one-time.ts'
import type { Place } from './place.ts'

/** `account`: makes the account of whoever opens it an administrator. `session`: signs in itself, as the installation's administrator. */
export type ClaimKind = 'account' | 'session'

export interface Claims {
  /** A link that is good once, for a day. */
  issue(kind: ClaimKind): Promise<{ url: string; expiresAt: number }>
  /** What a link is for; null: it is unknown, used or over. */
  look(token: string): Promise<ClaimKind | null>
  /** Of several who open one at the same moment one gets it. */
  take(token: string): Promise<ClaimKind>
  /** Somebody has opened one, ever. */
  isClaimed(): Promise<boolean>
  /**
   * The link of a start, until somebody has opened one; null afterwards. Those of earlier starts end.
   */
  issueAtStart(kind: ClaimKind): Promise<string | null>
}

const lifetimeMs = 24 * 3600_000
const ticket = 'claim'
const startTicket = 'first-claim'
const claimedSetting = 'claimed'

export function createClaims({
  store,
  place,
  now
}: {
  store: Pick<Store, 'tickets' | 'settings'>
  place: Pick<Place, 'url'>
  now: () => number
}): Claims {
  async function issue(kind: ClaimKind, as: string): Promise<{ url: string; expiresAt: number }> {
    const token = newToken()
    const expiresAt = now() + lifetimeMs
    await store.tickets.issue({ kind: as, hash: hashOf(token), data: kind, expiresAt }, now())
    // After the number sign: browsers send it to nobody, and it stands in no log.
    return { url: `${place.url()}/claim#${token}`, expiresAt }
  }
  const isClaimed = async () => (await store.settings.get(claimedSetting)) !== null

  return {
    issue: (kind) => issue(kind, ticket),
    async look(token) {
      const found = await Promise.all([ticket, startTicket].map((as) => store.tickets.peek(as, hashOf(token), now())))
      return (found.find((kind) => kind !== null) as ClaimKind | undefined) ?? null
    },
    async take(token) {
      for (const as of [ticket, startTicket]) {
        const kind = (await store.tickets.take(as, hashOf(token), now())) as ClaimKind | null
        if (kind === null) continue
        await store.settings.set(claimedSetting, String(now()))
        await store.tickets.revoke(startTicket)
        return kind
      }
      throw new Failure('not-found', 'this link was used already or is over: "slipway admin claim" makes another one')
    },
    isClaimed,
    async issueAtStart(kind) {
      if (await isClaimed()) return null
      await store.tickets.revoke(startTicket)
      return (await issue(kind, startTicket)).url
    }
  }
}
