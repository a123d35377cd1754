import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** What a person agreed to, until the client takes it. */
export interface Consent {
  accountId: number
  redirectUri: string
  scope: string
  /** `S256` of the client's secret word; null: it sent none. */
  challenge: string | null
  nonce: string | null
}

export interface Codes {
  issue(consent: Consent): string
  /** Once. The second time it is `used`, with the tokens that were given the first time: they are to be ended. */
  take(code: string): { consent: Consent } | { used: number[] } | null
  note(code: string, tokenIds: number[]): void
}

const lifetimeMs = 10 * 60_000
const kept = 1000

export function createCodes(now: () => number): Codes {
  const codes = new Map<string, { consent: Consent; expiresAt: number; tokenIds: number[] | null }>()
  return {
    issue(consent) {
      const code = randomBytes(20).toString('hex')
      codes.set(code, { consent, expiresAt: now() + lifetimeMs, tokenIds: null })
      for (const oldest of [...codes.keys()].slice(0, Math.max(0, codes.size - kept))) codes.delete(oldest)
      return code
    },
    take(code) {
      const found = codes.get(code)
      if (found === undefined || found.expiresAt <= now()) return null
      if (found.tokenIds !== null) return { used: found.tokenIds }
      found.tokenIds = []
      return { consent: found.consent }
    },
    note(code, tokenIds) {
      const found = codes.get(code)
      if (found !== undefined) found.tokenIds = tokenIds
    }
  }
}

/** RFC 7636: only `S256` is taken. */
export function isVerified({ challenge }: Consent, verifier: string | undefined): boolean {
  if (challenge === null) return true
  if (verifier === undefined || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false
  return isSame(createHash('sha256').update(verifier).digest('base64url'), challenge)
}

export function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
