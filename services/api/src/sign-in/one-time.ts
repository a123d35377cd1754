import { createHash, randomBytes } from 'node:crypto'

/** 256 bits that nobody guesses: 43 characters. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** What the store has of a token. It is random, so that a plain hash hides it. */
export function hashOf(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}
