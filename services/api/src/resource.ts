import type { Subject } from '@slipway/client'
import { type Actor, imageFolderName, type Repository, type Resource, type Store, uploadForgeId } from '@slipway/domain'

/** What a request is about. `resource` null: there is none; `missing` says so, in the same words as when it may not be seen. */
export interface Found {
  resource: Resource | null
  missing: string
}

export type FindResource = (subject: Subject, input: Record<string, unknown>, actor: Actor) => Promise<Found>

/** Finds what a rule is about in a request's input, the same that its handler gets. */
export function createFindResource(
  store: Pick<Store, 'owners' | 'repositories' | 'builds' | 'deployments' | 'functions'>
): FindResource {
  async function ownerResource(ownerId: string): Promise<Resource> {
    return { kind: 'owner', ownerId, hasPublicPages: await store.owners.hasPublicPages(ownerId) }
  }

  async function ofOwner(slug: string): Promise<Found & { ownerId: string | null }> {
    const owner = await store.owners.findBySlug(slug)
    const missing = `there is no owner ${JSON.stringify(slug)}`
    if (owner === null) return { resource: null, missing, ownerId: null }
    return { resource: await ownerResource(owner.id), missing, ownerId: owner.id }
  }

  async function ofOwnerId(id: string): Promise<Found> {
    const owner = await store.owners.get(id)
    return { resource: owner && (await ownerResource(id)), missing: `there is no owner ${id}` }
  }

  async function repositoryOf(id: string | null): Promise<Resource | null> {
    const repository = id === null ? null : await store.repositories.get(id)
    return repository === null ? null : resourceOf(repository)
  }

  /** What was deployed by API is its owner's alone. */
  const repositoryOrOwner = async (repositoryId: string | null, ownerId: string): Promise<Resource> =>
    (await repositoryOf(repositoryId)) ?? (await ownerResource(ownerId))

  /** An image that is being deployed as a function which was never there. */
  async function imageOf(ownerId: string, name: string): Promise<Resource | null> {
    const folder = await store.repositories.findByForge(uploadForgeId, `${ownerId}/${imageFolderName(name)}`)
    return folder === null || folder.removedAt !== null ? null : resourceOf(folder)
  }

  async function ofFunction(owner: string, name: string): Promise<Found> {
    const { ownerId } = await ofOwner(owner)
    const record = ownerId === null ? null : await store.functions.get(ownerId, name)
    const resource = record && (await repositoryOrOwner(record.repositoryId, record.ownerId))
    return {
      resource: resource ?? (ownerId === null ? null : await imageOf(ownerId, name)),
      missing: `there is no function ${name} of ${owner}`
    }
  }

  async function ofRepository(id: string): Promise<Found> {
    return { resource: await repositoryOf(id), missing: `there is no repository ${id}` }
  }

  async function ofBuild(id: string): Promise<Found> {
    const build = await store.builds.get(id)
    return { resource: build && (await repositoryOf(build.repositoryId)), missing: `there is no build ${id}` }
  }

  async function ofDeployment(id: string): Promise<Found> {
    const deployment = await store.deployments.get(id)
    const resource = deployment && (await repositoryOrOwner(deployment.repositoryId, deployment.ownerId))
    return { resource, missing: `there is no deployment ${id}` }
  }

  async function ofListing(owner: string | null, repository: string | null): Promise<Found> {
    const named = owner === null ? null : await ofOwner(owner)
    if (named !== null && named.resource === null) return named
    if (repository !== null) return ofRepository(repository)
    if (named?.resource?.kind !== 'owner') return { resource: { kind: 'listing', owner: null }, missing: '' }
    return { resource: { ...named.resource, kind: 'listing', owner: named.resource }, missing: named.missing }
  }

  /** A repository that is another owner's is none of this one. Both named: the handler says that this cannot be. */
  async function ofScope(owner: string, repository: string | null, name: string | null): Promise<Found> {
    if (name !== null && repository !== null) return ofOwner(owner)
    if (name !== null) return ofFunction(owner, name)
    const named = await ofOwner(owner)
    if (named.resource === null || repository === null) return named
    const found = await ofRepository(repository)
    const isTheirs = found.resource?.kind === 'repository' && found.resource.ownerId === named.ownerId
    return isTheirs ? found : { ...found, resource: null }
  }

  return async (subject, input, actor) => {
    const optional = (name: string) => {
      const value = input[name]
      return typeof value === 'string' ? value : null
    }
    const text = (name: string) => optional(name) ?? ''
    switch (subject) {
      case 'public':
      case 'platform':
        return { resource: { kind: subject }, missing: 'nothing is served here' }
      case 'self': {
        const accountId = 'accountId' in actor ? (actor.accountId ?? '') : ''
        return { resource: { kind: 'account', accountId }, missing: 'there is no such account' }
      }
      case 'owner':
        return ofOwner(text('owner'))
      case 'owner-id':
        return ofOwnerId(text('id'))
      case 'listing':
        return ofListing(optional('owner'), optional('repository'))
      case 'repository':
        return ofRepository(text('id'))
      case 'build':
        return ofBuild(text('id'))
      case 'deployment':
        return ofDeployment(text('id'))
      case 'function':
        return ofFunction(text('owner'), text('name'))
      case 'scope':
        return ofScope(text('owner'), optional('repository'), optional('function'))
    }
  }
}

export function resourceOf({ id, ownerId, isPrivate, hasPublicPages }: Repository): Resource {
  return { kind: 'repository', repositoryId: id, ownerId, isPrivate, hasPublicPages }
}
