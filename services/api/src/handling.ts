import type { InternalApi, RouteInput, RouteName, RouteOutput } from '@slipway/client'
import {
  type Action,
  auditName,
  type Build,
  Failure,
  type FunctionRecord,
  type Page,
  type Store,
  visibleTo,
  type Whose
} from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import type { GivenUpCalls } from '@slipway/queue/given-up-calls'
import type { Caller } from './identify.ts'
import type { SignIn } from './sign-in/sign-in.ts'
import type { Views } from './views.ts'

export interface HandlerDeps {
  store: Store
  internal: InternalApi
  signals: Pick<Signals, 'send'>
  /** Asynchronous calls. */
  givenUp: Pick<GivenUpCalls, 'list' | 'retry' | 'drop'>
  views: Views
  /** Where functions are called; null: nowhere that is known. */
  gatewayUrl: string | null
  /** What this service needs: each throws when it is away. */
  needs: Readonly<Record<string, () => Promise<unknown>>>
  signIn: Pick<SignIn, 'providers' | 'claims' | 'rotateAccountKey'>
  /** Where people reach our pages. */
  publicUrl(): string
  now: () => number
}

/** Writes down who did what. */
export type Note = (
  caller: Caller,
  action: string,
  ownerId: string | null,
  resource: string,
  detail?: Record<string, unknown>
) => Promise<void>

/** One function a route. */
export type Handlers<N extends RouteName = RouteName> = {
  [R in N]: (input: RouteInput<R>, caller: Caller, signal: AbortSignal) => Promise<RouteOutput<R>>
}

export function pageOf({ before, limit }: { before?: string; limit?: number }): Page {
  return { before: before ?? null, limit: limit ?? 50 }
}

export async function listed<T extends { id: string }, V>(items: T[], page: Page, view: (item: T) => V | Promise<V>) {
  const shown: V[] = []
  for (const item of items) shown.push(await view(item))
  return { items: shown, next: items.length < page.limit ? null : (items.at(-1)?.id ?? null) }
}

/** What more than one handler looks up or writes down. */
export function createLookups({ store, now }: Pick<HandlerDeps, 'store' | 'now'>) {
  async function ownerIdOf(slug: string): Promise<string> {
    const owner = await store.owners.findBySlug(slug)
    if (owner === null) throw new Failure('not-found', `there is no owner ${JSON.stringify(slug)}`)
    return owner.id
  }

  const note: Note = (caller, action, ownerId, resource, detail = {}) =>
    store.audit.append({ at: now(), actor: auditName(caller), action, ownerId, resource, detail })

  return {
    ownerIdOf,
    /** What a list may hold: of the owner or repository that is named, or of all that the caller may see. */
    async whoseFor(
      caller: Caller,
      action: Action,
      { owner, repository }: { owner?: string | undefined; repository?: string | undefined }
    ): Promise<Whose> {
      const ofOwnerId = owner === undefined ? null : await ownerIdOf(owner)
      const visible = visibleTo(caller, caller.grants, action, owner !== undefined || repository !== undefined)
      return visible.ownerIds === null ? ofOwnerId : { ...visible, ofOwnerId }
    },
    async buildOf(id: string): Promise<Build> {
      const build = await store.builds.get(id)
      if (build === null) throw new Failure('not-found', `there is no build ${id}`)
      return build
    },
    async functionOf({ owner, name }: { owner: string; name: string }): Promise<FunctionRecord> {
      const found = await store.owners.findBySlug(owner)
      const record = found === null ? null : await store.functions.get(found.id, name)
      if (record === null) throw new Failure('not-found', `there is no function ${name} of ${owner}`)
      return record
    },
    note
  }
}

export type Lookups = ReturnType<typeof createLookups>
