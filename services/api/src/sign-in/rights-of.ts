import {
  type Account,
  Failure,
  type ForgeCredential,
  type Grants,
  type IdentityProvider,
  noGrants,
  type Store
} from '@slipway/domain'
import type { Encryption } from '@slipway/secrets'
import type { Logger } from '@slipway/service'

/**
 * What an account may, as its forge said lately.
 *
 * @throws Failure `unauthenticated` when the forge takes its credential no more: all of its sessions have ended then;
 * `unavailable` when the forge could not be asked for too long.
 */
export type GrantsOf = (accountId: string) => Promise<Grants>

export interface RightsDeps {
  store: Pick<Store, 'accounts' | 'memberships'>
  providers: readonly IdentityProvider[]
  encryption: Pick<Encryption, 'encrypt' | 'decrypt'>
  limits: {
    /** For so long a forge is not asked again. */
    freshMs: number
    /** For so long what it said counts while it does not answer. */
    staleMs: number
  }
  now: () => number
  logger: Logger
}

export interface Rights {
  grantsOf: GrantsOf
  /** Keeps a new credential and asks at once. The account's person has to be who the credential says. */
  take(
    account: Account,
    provider: IdentityProvider,
    credential: ForgeCredential | null,
    signal: AbortSignal
  ): Promise<void>
}

/** One process at a time asks about an account, for at most so long. */
const askingMs = 60_000
/** After the forge did not answer, the next try. */
const pauseMs = 15_000
/** A token that ends so soon is renewed first. */
const restMs = 60_000

/** What an account's ciphertext is bound to. */
export function credentialIdentity(accountId: string): string[] {
  return ['account', accountId]
}

export function createRights({ store, providers, encryption, limits, now, logger }: RightsDeps): Rights {
  const { memberships } = store
  const asking = new Map<string, Promise<Grants>>()
  const notBefore = new Map<string, number>()

  async function keep({ id }: Account, credential: ForgeCredential): Promise<void> {
    const stored = await encryption.encrypt(Buffer.from(JSON.stringify(credential)), credentialIdentity(id))
    await memberships.setCredential(id, stored)
  }

  async function credentialOf({ id }: Account): Promise<ForgeCredential | null> {
    const stored = await memberships.credential(id)
    if (stored === null) return null
    try {
      const opened = await encryption.decrypt(stored.ciphertext, credentialIdentity(id))
      return JSON.parse(opened.toString()) as ForgeCredential
    } catch (err) {
      if (!(err instanceof Failure)) throw err
      logger.warn({ err, accountId: id }, 'the credential of an account cannot be opened: it has to sign in again')
      throw new Failure('unauthenticated', 'sign in again', { cause: err })
    }
  }

  /** Renews first what is about to end, and what turns out to have ended. */
  async function askWith(
    account: Account,
    provider: IdentityProvider,
    given: ForgeCredential,
    signal: AbortSignal
  ): Promise<Grants> {
    const renew = async (credential: ForgeCredential) => {
      const renewed = await provider.renew(credential, signal)
      await keep(account, renewed)
      return renewed
    }
    const isOver = given.expiresAt !== null && given.expiresAt - now() < restMs
    const credential = isOver ? await renew(given) : given
    const answer = await provider.ask(credential, signal).catch(async (err: unknown) => {
      const isRefused = err instanceof Failure && err.code === 'unauthenticated'
      if (!isRefused || isOver || credential.refreshToken === null) throw err
      return provider.ask(await renew(credential), signal)
    })
    if (answer.person.forgeUserId !== account.forgeUserId) {
      throw new Failure('unauthenticated', `${provider.name} says that this is somebody else now: sign in again`)
    }
    await memberships.replace(account.id, answer, now())
    return (await memberships.grants(account.id))?.grants ?? noGrants
  }

  async function ask(account: Account, provider: IdentityProvider, known: Grants | null): Promise<Grants> {
    if (!(await memberships.claim(account.id, now() + askingMs, now()))) {
      if (known !== null) return known
      throw new Failure('unavailable', `${provider.name} is being asked what you may: try again`, {
        retryAfterMs: 1000
      })
    }
    try {
      const credential = await credentialOf(account)
      // A provider that can be asked nothing more said everything when the account signed in.
      if (credential === null) {
        await memberships.release(account.id)
        return known ?? noGrants
      }
      return await askWith(account, provider, credential, AbortSignal.timeout(askingMs / 2))
    } catch (err) {
      if (err instanceof Failure && err.code === 'unauthenticated') {
        await memberships.forget(account.id)
        logger.info({ accountId: account.id, err }, 'a forge takes an account no more: it is signed out everywhere')
      } else {
        await memberships.release(account.id)
      }
      throw err
    }
  }

  /** What the forge said before counts on while it does not answer. */
  async function askOrKnown(
    account: Account,
    provider: IdentityProvider,
    known: Awaited<ReturnType<typeof memberships.grants>>
  ) {
    const isUsable = known !== null && now() - known.askedAt < limits.staleMs
    if (isUsable && (notBefore.get(account.id) ?? 0) > now()) return known.grants
    try {
      const grants = await ask(account, provider, isUsable ? known.grants : null)
      notBefore.delete(account.id)
      return grants
    } catch (err) {
      if (err instanceof Failure && err.code === 'unauthenticated') throw err
      notBefore.set(account.id, now() + pauseMs)
      logger.warn({ err, accountId: account.id, isUsable }, 'a forge could not be asked what an account may')
      if (isUsable) return known.grants
      const words = `${provider.name} does not answer, and what you may was last confirmed too long ago: try again later`
      throw new Failure('unavailable', words, { cause: err, retryAfterMs: pauseMs })
    }
  }

  async function grantsOf(accountId: string): Promise<Grants> {
    const known = await memberships.grants(accountId)
    if (known !== null && known.askedAt <= now() && now() - known.askedAt < limits.freshMs) return known.grants
    const account = await store.accounts.get(accountId)
    const provider = providers.find(({ forgeId }) => forgeId === account?.forgeId)
    // Nobody is there who could say it: the provider was taken out of the configuration.
    if (account === null || provider === undefined) return noGrants
    const running =
      asking.get(accountId) ?? askOrKnown(account, provider, known).finally(() => asking.delete(accountId))
    asking.set(accountId, running)
    return running
  }

  return {
    grantsOf,
    async take(account, provider, credential, signal) {
      if (credential === null) {
        const { forgeUserId, login, name } = account
        const answer = { person: { forgeUserId, login, name }, rights: { owners: [], repositories: [] } }
        return memberships.replace(account.id, answer, now())
      }
      await keep(account, credential)
      try {
        await askWith(account, provider, credential, signal)
      } catch (err) {
        if (!(err instanceof Failure) || err.code === 'unauthenticated') throw err
        // Who it is, is known. What they may is asked again with the first thing that they do.
        logger.warn({ err, accountId: account.id }, 'a forge could not be asked what an account may')
      }
    }
  }
}
