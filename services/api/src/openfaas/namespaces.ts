import { Failure, type Owner, type Store } from '@slipway/domain'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../identify.ts'

/** What a request is about, in the words of the status API: what its rule is asked with, and what its handler gets. */
export interface Named {
  /** A slug. undefined: the request names none, and the caller has not exactly one of its own. */
  owner?: string
  name?: string
}

/** Every call says whose functions it means, or means those of the owner that its token is for. */
export function createNamespaces(store: Pick<Store, 'owners'>) {
  /** The only owner that somebody has anything of. */
  async function ownOwner(caller: Caller): Promise<string | undefined> {
    const { owners, repositories } = caller.grants
    const ids = caller.kind === 'token' ? [caller.ownerId] : [...owners.keys()]
    if (caller.kind === 'account') {
      for (const { ownerId } of repositories.values()) if (ownerId !== null) ids.push(ownerId)
    }
    const [only, ...others] = new Set(ids)
    if (only === undefined || others.length > 0) return undefined
    return (await store.owners.get(only))?.slug ?? undefined
  }

  return {
    /** @param field where a request of this kind names its function; null: it is about none. */
    async named(request: FastifyRequest, field: string | null, caller: Caller): Promise<Named> {
      const said = { ...part(request.query), ...part(request.body), ...part(request.params) }
      const words = field === null ? undefined : said[field]
      const given = typeof said.namespace === 'string' && said.namespace !== '' ? said.namespace : undefined
      // `hello.alice`, as functions are called.
      const [name, after] = given === undefined ? split(words) : [words, undefined]
      const owner = given ?? after ?? (await ownOwner(caller))
      return { ...(owner === undefined ? {} : { owner }), ...(name === undefined ? {} : { name }) }
    },
    /** Of a function that something other than a request names: `hello.alice`, or `hello` of the caller's own owner. */
    async function(words: string, caller: Caller): Promise<Named> {
      const [name, after] = split(words)
      const owner = after ?? (await ownOwner(caller))
      return { ...(owner === undefined ? {} : { owner }), ...(name === undefined ? {} : { name }) }
    },
    slugOf: async (ownerId: string | null): Promise<string | null> =>
      ownerId === null ? null : ((await store.owners.get(ownerId))?.slug ?? null),
    /** @throws Failure `not-found` */
    async ownerOf(slug: string): Promise<Owner & { slug: string }> {
      const owner = await store.owners.findBySlug(slug)
      if (owner?.slug == null) throw new Failure('not-found', `there is no owner ${JSON.stringify(slug)}`)
      return { ...owner, slug: owner.slug }
    }
  }
}

export type Namespaces = ReturnType<typeof createNamespaces>

function split(words: string | undefined): [name: string | undefined, owner: string | undefined] {
  const dot = words?.indexOf('.') ?? -1
  return words === undefined || dot === -1 ? [words, undefined] : [words.slice(0, dot), words.slice(dot + 1)]
}

function part(value: unknown): Record<string, string | undefined> {
  return (value ?? {}) as Record<string, string | undefined>
}

export function needsNamespace(): Failure {
  return new Failure('invalid-request', 'say whose: name the namespace, which is the slug of an owner (--namespace)')
}
