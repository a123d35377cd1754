import type { Person } from '../account.ts'
import type { Right } from '../rights.ts'

/** What the browser does not see of a sign-in that has begun. Kept until it comes back, for one use. */
export interface SignInSecrets {
  state: string
  /** null where the provider issues no ID tokens. */
  nonce: string | null
  /** PKCE. */
  codeVerifier: string
}

/** A person's own token at a forge. Encrypted at rest; in no log. */
export interface ForgeCredential {
  accessToken: string
  /** null: it cannot be renewed. */
  refreshToken: string | null
  /** Epoch milliseconds; null: it has no end that we know of. */
  expiresAt: number | null
}

/** What a person may at a forge, by the forge's numeric ids. What an OpenID provider's groups may is told by our own names of owners. */
export interface ForgeRights {
  /** Each holds for all repositories of the owner. */
  owners: { forgeOwnerId: string; right: Right }[]
  repositories: { forgeRepositoryId: string; right: Right }[]
  /** Owners by slug, whatever forge they are of. */
  slugs?: { slug: string; right: Right }[]
}

/** Where people sign in. Every method may throw Failure `unavailable` or `rate-limited`. */
export interface IdentityProvider {
  /** In addresses: `/auth/<id>/start`. */
  readonly id: string
  /** For people: `GitHub`. */
  readonly name: string
  /** Whose accounts these are: a forge's id, or an issuer. */
  readonly forgeId: string
  /** Where the browser goes. */
  begin(callbackUrl: string, signal: AbortSignal): Promise<{ address: string; secrets: SignInSecrets }>
  /**
   * Who came back. Checks state, nonce and everything that is signed.
   *
   * @param callback the whole address that the browser came back to.
   * @returns `credential` null: nothing more can be asked about this person.
   * @throws Failure `unauthenticated` when it was cancelled, does not fit what was begun, or is used again.
   */
  complete(
    callback: URL,
    secrets: SignInSecrets,
    signal: AbortSignal
  ): Promise<{ person: Person; credential: ForgeCredential | null }>
  /** @throws Failure `unauthenticated`: it was taken back. A refresh token is good once, so what comes back is to be kept at once. */
  renew(credential: ForgeCredential, signal: AbortSignal): Promise<ForgeCredential>
  /** Who the credential's person is now, and what that one may. @throws Failure `unauthenticated`: it is over, or was taken back. */
  ask(credential: ForgeCredential, signal: AbortSignal): Promise<{ person: Person; rights: ForgeRights }>
}
