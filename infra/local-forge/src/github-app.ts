import { createPublicKey, generateKeyPair, verify } from 'node:crypto'
import { promisify } from 'node:util'
import type { Accounts } from './accounts.ts'
import type { HostedRepository } from './repositories.ts'
import type { App, Installation, Permissions, StateFile, Token } from './state.ts'
import { coversRepository } from './tokens.ts'

/** What Slipway's App asks for. */
export const appPermissions: Permissions = {
  checks: 'write',
  contents: 'read',
  deployments: 'write',
  metadata: 'read',
  pull_requests: 'read',
  statuses: 'write'
}

export const appEvents = ['check_run', 'check_suite', 'push', 'repository']

export function permissionsOf(app: App): Permissions {
  return app.manifest?.permissions ?? appPermissions
}

export function eventsOf(app: App): string[] {
  return app.manifest?.events ?? appEvents
}

export async function newAppKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' }
  })
  return privateKey
}

/** The App of a forge in GitHub's form: made at the first start, the same after a restart. */
export async function ensureApp(state: StateFile, accounts: Accounts, now: () => number): Promise<App> {
  if (state.data.app !== null) return state.data.app
  const privateKey = await newAppKey()
  const id = state.nextId()
  const account = accounts.ensure('local-forge', 'Organization')
  state.data.app = {
    id,
    accountId: account.id,
    slug: 'slipway-local',
    clientId: `Iv23li${String(id).padStart(14, '0')}`,
    privateKey,
    createdAt: now()
  }
  state.changed()
  return state.data.app
}

/**
 * Why GitHub would refuse this JSON Web Token of the App; null when it would take it.
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 */
export function refuseJwt(app: App, jwt: string, nowMs: number): string | null {
  const undecodable = 'A JSON web token could not be decoded'
  const [header = '', payload = '', signature = '', ...rest] = jwt.split('.')
  const decoded = { header: parsePart(header), payload: parsePart(payload) }
  if (rest.length > 0 || decoded.header?.alg !== 'RS256' || decoded.payload === null) return undecodable
  const signed = Buffer.from(`${header}.${payload}`)
  const isSigned = [app.privateKey, ...(app.moreKeys ?? [])].some((key) =>
    verify('RSA-SHA256', signed, createPublicKey(key), Buffer.from(signature, 'base64url'))
  )
  if (!isSigned) return undecodable
  const { iss, iat, exp } = decoded.payload
  if (String(iss) !== String(app.id) && iss !== app.clientId) return "'Issuer' claim ('iss') must be an Integer"
  if (typeof exp !== 'number' || exp * 1000 <= nowMs) {
    return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
  }
  if (exp * 1000 > nowMs + 600_000) return "'Expiration time' claim ('exp') is too far in the future"
  if (typeof iat !== 'number' || iat * 1000 > nowMs + 1000) {
    return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
  }
  return null
}

function parsePart(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    // Not JSON: the caller says that the token cannot be decoded.
    return null
  }
}

/** Where the App is installed. */
export interface Installations {
  byId(id: number): Installation | null
  ofOwner(ownerId: number): Installation | null
  /** The installation through which the App sees a repository; null when it does not. */
  ofRepository(repository: { id: number; ownerId: number }): Installation | null
  /** True when the token was given for this repository and its installation still sees it. */
  cover(token: Token, repository: HostedRepository): boolean
  add(ownerId: number, repositoryIds: number[] | null): Installation
  change(installation: Installation, change: Partial<Pick<Installation, 'repositoryIds' | 'suspendedAt'>>): void
  remove(installation: Installation): void
}

export function createInstallations(state: StateFile, now: () => number): Installations {
  const ofOwner = (ownerId: number) =>
    state.data.installations.find((installation) => installation.ownerId === ownerId) ?? null
  const ofRepository = (repository: { id: number; ownerId: number }) => {
    const installation = ofOwner(repository.ownerId)
    const isSeen = installation?.repositoryIds?.includes(repository.id) ?? true
    return isSeen ? installation : null
  }
  return {
    byId: (id) => state.data.installations.find((installation) => installation.id === id) ?? null,
    ofOwner,
    ofRepository,
    cover(token, repository) {
      if (!coversRepository(token, repository)) return false
      if (token.installationId === null) return true
      const installation = ofRepository(repository)
      return installation?.id === token.installationId && installation.suspendedAt === null
    },
    add(ownerId, repositoryIds) {
      const at = now()
      const installation: Installation = {
        id: state.nextId(),
        ownerId,
        repositoryIds,
        suspendedAt: null,
        createdAt: at,
        updatedAt: at
      }
      state.data.installations.push(installation)
      state.changed()
      return installation
    },
    change(installation, change) {
      Object.assign(installation, change, { updatedAt: now() })
      state.changed()
    },
    remove(installation) {
      state.data.installations = state.data.installations.filter((candidate) => candidate !== installation)
      // Its tokens end with it.
      state.data.tokens = state.data.tokens.filter((token) => token.installationId !== installation.id)
      state.changed()
    }
  }
}
