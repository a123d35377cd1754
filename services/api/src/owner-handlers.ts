import type { LimitsView } from '@slipway/client'
import { Failure, limitKinds, limitNames, type Owner } from '@slipway/domain'
import { createLookups, type HandlerDeps, type Handlers } from './handling.ts'

type OwnerRoutes =
  | 'addOwner'
  | 'removeOwner'
  | 'setOwnerSlug'
  | 'setBuildIsolation'
  | 'setSuspension'
  | 'getLimits'
  | 'setLimits'

/** What an administrator does with owners. */
export function createOwnerHandlers(deps: HandlerDeps): Handlers<OwnerRoutes> {
  const { store, signals, views, now } = deps
  const { note } = createLookups(deps)

  async function ownerOf(slug: string): Promise<Owner> {
    const owner = await store.owners.findBySlug(slug)
    if (owner === null) throw new Failure('not-found', `there is no owner ${JSON.stringify(slug)}`)
    return owner
  }

  async function limitsOf(ownerId: string): Promise<LimitsView> {
    return { ...(await store.limits.of(ownerId)), defaults: await store.limits.defaults() }
  }

  return {
    getLimits: async ({ owner }) => limitsOf((await ownerOf(owner)).id),
    async setLimits({ owner: slug, own }, caller) {
      for (const name of limitNames) {
        if (own[name] === 0 && limitKinds[name].least > 0) {
          throw new Failure(
            'invalid-request',
            `${name}: at least ${limitKinds[name].least}; suspending an owner stops it`
          )
        }
      }
      const { id } = await ownerOf(slug)
      const before = (await store.limits.of(id)).own
      await store.limits.set(id, own)
      // More builds at a time may be next, and gateways follow what they are told to let through.
      signals.send('builds', {})
      signals.send('routes', {})
      await note(caller, 'set-limits', id, `owner/${id}`, { before, after: own })
      return limitsOf(id)
    },
    async addOwner({ slug }, caller) {
      const owner = await store.owners.add(slug, now())
      await note(caller, 'add-owner', owner.id, `owner/${owner.id}`, { slug })
      return views.forOneAnswer().owner(owner)
    },
    async removeOwner({ id }, caller) {
      const slug = (await store.owners.get(id))?.slug ?? null
      await store.owners.remove(id, now())
      await note(caller, 'remove-owner', id, `owner/${id}`, { slug })
      return { message: `the owner ${slug} is removed` }
    },
    async setOwnerSlug({ id, slug }, caller) {
      const before = await store.owners.get(id)
      if (before === null) throw new Failure('not-found', `there is no owner ${id}`)
      const owner = await store.owners.setSlug(id, slug)
      await note(caller, 'name-owner', id, `owner/${id}`, { before: before.slug, after: slug })
      return views.forOneAnswer().owner(owner)
    },
    async setBuildIsolation({ owner: slug, isolation }, caller) {
      const before = await ownerOf(slug)
      const owner = await store.owners.setBuildIsolation(before.id, isolation)
      const detail = { before: before.buildIsolation, after: isolation }
      await note(caller, 'set-build-isolation', owner.id, `owner/${owner.id}`, detail)
      return views.forOneAnswer().owner(owner)
    },
    async setSuspension({ owner: slug, isSuspended, reason }, caller) {
      if (isSuspended && reason === undefined) {
        throw new Failure('invalid-request', 'say why: the reason is shown to the owner')
      }
      const before = await ownerOf(slug)
      const suspension = reason === undefined || !isSuspended ? null : { at: before.suspension?.at ?? now(), reason }
      const owner = await store.owners.setSuspension(before.id, suspension)
      // What waits ends, or what was stopped may go on.
      signals.send('builds', {})
      const detail = { before: before.suspension?.reason ?? null, after: suspension?.reason ?? null }
      await note(caller, suspension === null ? 'unsuspend' : 'suspend', owner.id, `owner/${owner.id}`, detail)
      return views.forOneAnswer().owner(owner)
    }
  }
}
