import { randomBytes } from 'node:crypto'
import type { HostedRepository } from './repositories.ts'
import type { StateFile, Token } from './state.ts'

export interface Tokens {
  issue(token: Omit<Token, 'id' | 'token' | 'createdAt'> & { prefix: string }): Token
  /** null when it is unknown or expired. */
  find(token: string): Token | null
  /** What is only good for another token is nothing else. */
  findRefresh(token: string): Token | null
  /** Ends those that the condition holds for. */
  end(isOver: (token: Token) => boolean): void
}

/** What a token is called that a person gave by signing in, and the one that renews it. */
export const signedInToken = 'signed-in'
export const refreshToken = 'refresh'

/** Of those that expire. */
const tokensKept = 2000

export function createTokens(state: StateFile, now: () => number): Tokens {
  const isCurrent = (token: Token) => token.expiresAt === null || token.expiresAt > now()

  const known = (text: string, isWanted: (token: Token) => boolean) =>
    state.data.tokens.find((token) => token.token === text && isCurrent(token) && isWanted(token)) ?? null

  function forgetExpired(): void {
    const current = state.data.tokens.filter(isCurrent)
    const lasting = current.filter((token) => token.expiresAt === null)
    const passing = current.filter((token) => token.expiresAt !== null)
    state.data.tokens = [...lasting, ...passing.slice(-tokensKept)]
  }

  return {
    issue({ prefix, ...rest }) {
      const token: Token = {
        ...rest,
        id: state.nextId(),
        token: `${prefix}${randomBytes(24).toString('base64url').replaceAll(/[-_]/g, 'x')}`,
        createdAt: now()
      }
      state.data.tokens.push(token)
      forgetExpired()
      state.changed()
      return token
    },
    find: (text) => known(text, (token) => token.name !== refreshToken),
    findRefresh: (text) => known(text, (token) => token.name === refreshToken),
    end(isOver) {
      state.data.tokens = state.data.tokens.filter((token) => !isOver(token))
      state.changed()
    }
  }
}

/** True when the token was given for this repository. */
export function coversRepository(token: Token, repository: Pick<HostedRepository, 'id'>): boolean {
  return token.repositoryIds === null || token.repositoryIds.includes(repository.id)
}

export function hasPermission(token: Token, name: string, level: 'read' | 'write'): boolean {
  const given = token.permissions[name]
  return given === 'write' || (given === 'read' && level === 'read')
}
