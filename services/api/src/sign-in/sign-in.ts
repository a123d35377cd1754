import type { IdentityProvider, Store } from '@slipway/domain'
import { createEncryption, type Holding } from '@slipway/secrets'
import type { Logger } from '@slipway/service'
import Type, { type Static } from 'typebox'
import { type Claims, createClaims } from './claims.ts'
import { createPlace, type Place } from './place.ts'
import { createRights, credentialIdentity, type Rights, type RightsDeps } from './rights-of.ts'
import { type BrowserSessions, createBrowserSessions, type SessionLimits } from './sessions.ts'

/** How people are known, and for how long. Part of the schema of `api`. */
export const peopleSettings = {
  PUBLIC_URL: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description: 'Where people reach this installation. https, or plain http on this machine.'
    })
  ),
  SESSION_IDLE_HOURS: Type.Number({
    default: 7 * 24,
    exclusiveMinimum: 0,
    description: 'A session that is not used for so long ends.'
  }),
  SESSION_DAYS: Type.Number({
    default: 30,
    exclusiveMinimum: 0,
    description: 'A session ends after this in any case.'
  }),
  RIGHTS_FRESH_MS: Type.Integer({
    default: 5 * 60_000,
    minimum: 0,
    description: 'For so long a forge is not asked again what somebody may.'
  }),
  RIGHTS_STALE_MS: Type.Integer({
    default: 60 * 60_000,
    minimum: 0,
    description: 'For so long what it said counts while it does not answer.'
  }),
  ACCOUNT_KEYS: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "What people's tokens at their forges are encrypted with; unset: a file in SLIPWAY_HOME. `<id>:<base64 of 32 bytes>`, the newest first."
    })
  )
}
const PeopleSettings = Type.Object(peopleSettings)
export type PeopleSettings = Static<typeof PeopleSettings>

export interface SignIn {
  providers: readonly IdentityProvider[]
  place: Place
  sessions: BrowserSessions
  rights: Rights
  claims: Claims
  /** Encrypts people's tokens with a new key, while they come and go. Returns how many. */
  rotateAccountKey(): Promise<number>
}

export interface SignInDeps {
  store: Store
  providers: readonly IdentityProvider[]
  /** Asked with each use: a port is known only once it listens. */
  publicUrl: () => string
  /** What people's tokens are encrypted with: a setting, or a file. */
  accountKeys: { keys: string | null; file: string }
  limits: SessionLimits & RightsDeps['limits']
  now: () => number
  logger: Logger
}

/** @throws Failure `invalid-configuration` for keys that are none */
export function createSignIn({ store, providers, publicUrl, accountKeys, limits, now, logger }: SignInDeps): SignIn {
  const place = createPlace(publicUrl)
  const encryption = createEncryption({
    settings: store.settings,
    name: 'account',
    setting: 'ACCOUNT_KEYS',
    ...accountKeys,
    holdings: [accountCredentials(store)],
    now
  })
  const rights = createRights({ store, providers, encryption, limits, now, logger })
  return {
    providers,
    place,
    rights,
    rotateAccountKey: () => encryption.rotate(),
    sessions: createBrowserSessions({ store, place, limits, grantsOf: rights.grantsOf, now }),
    claims: createClaims({ store, place, now })
  }
}

export function limitsOf(settings: PeopleSettings): SignInDeps['limits'] {
  return {
    idleMs: settings.SESSION_IDLE_HOURS * 3600_000,
    longestMs: settings.SESSION_DAYS * 24 * 3600_000,
    freshMs: settings.RIGHTS_FRESH_MS,
    staleMs: settings.RIGHTS_STALE_MS
  }
}

const batch = 100

/** People's tokens at their forges. */
function accountCredentials({ memberships }: Pick<Store, 'memberships'>): Holding {
  return async (keyId) =>
    (await memberships.encryptedOtherwise(keyId, batch)).map(({ accountId, ciphertext }) => ({
      ciphertext,
      identity: credentialIdentity(accountId),
      replace: (after) => memberships.reencrypt(accountId, ciphertext, after)
    }))
}
