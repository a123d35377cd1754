import {
  highestRight,
  type IdentityProvider,
  includesRight,
  isAdministrator,
  type Owner,
  type Right,
  rightOnOwner,
  rightOnRepository,
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

interface RightsThere {
  slug: string
  right: Right
  rightOnAll: Right | null
}

/** Of administrators, who see all. */
const ownersShown = 500

export function createPeopleHandlers(deps: PeopleHandlerDeps): Handlers<'getMe' | 'getSignIn' | 'createClaim'> {
  const { store, providers, claims } = deps
  const { note } = createLookups(deps)

  /** Owners of whom the caller may see something, and what the caller may do there. */
  async function ownersOf(caller: Caller): Promise<(RightsThere & { id: string })[]> {
    const { grants } = caller
    const ids = [...grants.owners.keys(), ...[...grants.repositories.values()].map(({ ownerId }) => ownerId)]
    if (caller.kind === 'token') ids.push(caller.ownerId)
    const some = [...new Set(ids)].flatMap((id) => (id === null ? [] : [store.owners.get(id)]))
    const owners: (Owner | null)[] = isAdministrator(caller)
      ? await store.owners.list({ before: null, limit: ownersShown })
      : await Promise.all(some)
    const listed = owners.flatMap((owner) => {
      const right = owner === null ? null : highestRight(caller, grants, owner.id)
      if (owner === null || owner.slug === null || right === null) return []
      return [{ id: owner.id, slug: owner.slug, right, rightOnAll: rightOnOwner(caller, grants, owner.id) }]
    })
    return listed.sort((a, b) => (a.slug < b.slug ? -1 : 1))
  }

  /** Repositories with which the caller may do more than with everything of their owner. */
  function repositoriesOf(caller: Caller, owners: readonly (RightsThere & { id: string })[]) {
    return [...caller.grants.repositories].flatMap(([id, { ownerId }]) => {
      const owner = owners.find((one) => one.id === ownerId)
      const right = rightOnRepository(caller, caller.grants, { ownerId, repositoryId: id })
      if (owner === undefined || right === null || includesRight(owner.rightOnAll, right)) return []
      return [{ id, owner: owner.slug, right }]
    })
  }

  return {
    async getMe(_input, caller) {
      const owners = await ownersOf(caller)
      const account = caller.kind === 'account' ? await store.accounts.get(caller.accountId) : null
      return {
        kind: caller.kind === 'nobody' ? 'account' : caller.kind,
        name: account?.name ?? caller.name,
        login: account?.login ?? null,
        isAdministrator: isAdministrator(caller),
        owners: owners.map(({ slug, right, rightOnAll }) => ({ slug, right, rightOnAll })),
        repositories: repositoriesOf(caller, owners)
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
