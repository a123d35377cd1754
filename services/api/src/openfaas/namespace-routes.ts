import { Failure, type Page, type Store } from '@slipway/domain'
import Type from 'typebox'
import type { Handlers, Lookups } from '../handling.ts'
import type { Namespaces } from './namespaces.ts'
import type { OpenFaasRoute } from './route.ts'
import * as shapes from './shapes.ts'

export interface NamespaceRouteDeps {
  store: Pick<Store, 'owners'>
  namespaces: Namespaces
  lookups: Pick<Lookups, 'whoseFor'>
  handlers: Pick<Handlers, 'addOwner' | 'removeOwner'>
}

const most: Page = { before: null, limit: 10_000 }

export function namespaceRoutes({ store, namespaces, lookups, handlers }: NamespaceRouteDeps): OpenFaasRoute[] {
  const words = { openfaas: '1' }
  const url = '/system/namespace/:namespace'
  return [
    {
      method: 'GET',
      url: '/system/namespaces',
      summary: 'Slugs of owners',
      action: 'see-owner',
      on: 'everything',
      response: Type.Array(Type.String()),
      async answer({ caller }) {
        const owners = await store.owners.list(most, await lookups.whoseFor(caller, 'see-owner', {}))
        return owners.flatMap(({ slug }) => (slug === null ? [] : [slug])).toSorted()
      }
    },
    {
      method: 'GET',
      url,
      summary: 'One owner',
      action: 'see-owner',
      on: 'owner',
      response: shapes.FunctionNamespace,
      async answer({ owner }) {
        const { slug } = await namespaces.ownerOf(owner)
        return { name: slug, labels: words, annotations: words }
      }
    },
    {
      method: 'POST',
      url: '/system/namespace/',
      summary: 'Make an owner without a forge',
      action: 'administer',
      on: 'platform',
      body: shapes.FunctionNamespace,
      async answer({ caller, signal, request, reply }) {
        const wanted = request.body as shapes.FunctionNamespace
        assertPlain(wanted)
        if (wanted.name === undefined) throw new Failure('invalid-request', 'the namespace has no name')
        await handlers.addOwner({ slug: wanted.name }, caller, signal)
        reply.code(201)
        return { message: `the owner ${wanted.name} is made` }
      }
    },
    {
      method: 'PUT',
      url,
      summary: 'Nothing of an owner can be changed here: refuses labels and annotations that are not kept',
      action: 'administer',
      on: 'owner',
      body: shapes.FunctionNamespace,
      async answer({ owner, request, reply }) {
        assertPlain(request.body as shapes.FunctionNamespace)
        reply.code(202)
        return { message: `the owner ${owner} stays as it is` }
      }
    },
    {
      method: 'DELETE',
      url,
      summary: 'Remove an owner without a forge, of which nothing runs any more',
      action: 'administer',
      on: 'owner',
      async answer({ owner, caller, signal, reply }) {
        const { id } = await namespaces.ownerOf(owner)
        reply.code(202)
        return handlers.removeOwner({ id }, caller, signal)
      }
    }
  ]
}

/** @throws Failure `unsupported` for what would be lost */
function assertPlain({ labels, annotations }: shapes.FunctionNamespace): void {
  const lost = [...Object.keys(labels ?? {}), ...Object.keys(annotations ?? {})].find((name) => name !== 'openfaas')
  if (lost === undefined) return
  throw new Failure('unsupported', `owners have neither labels nor annotations: ${JSON.stringify(lost)} cannot be kept`)
}
