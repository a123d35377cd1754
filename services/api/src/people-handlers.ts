import {
  highestRight,
  type IdentityProvider,
  isAdministrator,
  type Owner,
  type Right,
  type Store
} from '@slipway/domain'
import { createLookups, type Handlers } from './handling.ts'
import type { Caller } from './identify.ts'
import type { Claims } from './sign-in/claims.ts'

export interface PeopleHandlerDeps {
  store: Store
  providers: readonly IdentityProvider[]
  claims: Claims
  now: () => number
}

/** Of administrators, who see all. */
const ownersShown = 500

export function createPeopleHandlers(deps: PeopleHandlerDeps): Handlers<'getMe' | 'getSignIn' | 'createClaim'> {
  const { store, providers, claims } = deps
  const { note } = createLookups(deps)

  /** Owners of whom the caller may see something, and the most that the caller may do there. */
  async function ownersOf(caller: Caller): Promise<{ slug: string; right: Right }[]> {
    const { grants } = caller
    const ids = [...grants.owners.keys(), ...[...grants.repositories.values()].map(({ ownerId }) => ownerId)]
    if (caller.kind === 'token') ids.push(caller.ownerId)
    const some = [...new Set(ids)].flatMap((id) => (id === null ? [] : [store.owners.get(id)]))
    const owners: (Owner | null)[] = isAdministrator(caller)
      ? await store.owners.list({ before: null, limit: ownersShown })
      : await Promise.all(some)
    const listed = owners.flatMap((owner) => {
      const right = owner === null ? null : highestRight(caller, grants, owner.id)
      return owner === null || owner.slug === null || right === null ? [] : [{ slug: owner.slug, right }]
    })
    return listed.sort((a, b) => (a.slug < b.slug ? -1 : 1))
  }

  return {
    async getMe(_input, caller) {
      const account = caller.kind === 'account' ? await store.accounts.get(caller.accountId) : null
      return {
        kind: caller.kind === 'nobody' ? 'account' : caller.kind,
        name: account?.name ?? caller.name,
        login: account?.login ?? null,
        avatarUrl: account?.avatarUrl ?? null,
        isAdministrator: isAdministrator(caller),
        owners: await ownersOf(caller)
      }
    },
    async getSignIn() {
      return {
        providers: providers.map(({ id, name }) => ({ id, name, address: `/auth/${id}/start` })),
        isClaimed: await claims.isClaimed()
      }
    },
    async createClaim({ opensSession = false }, caller) {
      const link = await claims.issue(opensSession ? 'session' : 'account')
      await note(caller, 'make-claim', null, 'installation', { opensSession })
      return link
    }
  }
}
