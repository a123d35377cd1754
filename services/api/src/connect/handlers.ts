import type { InternalApi, RouteName } from '@slipway/client'
import { Failure, type Store } from '@slipway/domain'
import type { Handlers, Note } from '../handling.ts'

export interface ForgeHandlerDeps {
  store: Pick<Store, 'forgeConnections' | 'deliveries'>
  internal: Pick<InternalApi, 'beginConnection' | 'forgeHealth' | 'rotateWebhookSecret' | 'replaceAppKey'>
  /** Where people reach our pages. */
  publicUrl(): string
  note: Note
}

type ForgeRoute = Extract<
  RouteName,
  'connectGitHub' | 'getForgeConnection' | 'listForges' | 'rotateWebhookSecret' | 'replaceAppKey'
>

/** What administrators do with forges. Credentials stay with `deployer`. */
export function createForgeHandlers({ store, internal, publicUrl, note }: ForgeHandlerDeps): Handlers<ForgeRoute> {
  return {
    async connectGitHub({ organization = null, url = null, replace = false, isPublic = false }, caller, signal) {
      const pagesUrl = publicUrl().replace(/\/+$/, '')
      const wanted = { organization, url, replace, isPublic, pagesUrl, by: caller.name }
      const { state, ...begun } = await internal.beginConnection(wanted, signal)
      await note(caller, 'connect-forge', null, 'forge/github', { organization, url, replace, isPublic })
      return { ...begun, address: `${pagesUrl}/connect/github?state=${encodeURIComponent(state)}` }
    },
    async getForgeConnection({ id }) {
      const found = await store.forgeConnections.get(id)
      if (found === null) throw new Failure('not-found', `there is no attempt to connect ${id}`)
      const { instance, status, reason, expiresAt } = found
      return { id, forgeId: instance.forgeId, status, reason, expiresAt }
    },
    async listForges({ fresh = false }, _caller, signal) {
      const forges = await internal.forgeHealth(fresh, signal)
      const items = await Promise.all(
        forges.map(async (forge) => {
          const newest = await store.deliveries.newest(forge.forgeId)
          if (newest === null) return { ...forge, lastDelivery: null }
          const { eventName, outcome, receivedAt } = newest
          return { ...forge, lastDelivery: { eventName, outcome, receivedAt } }
        })
      )
      return { items }
    },
    async rotateWebhookSecret({ forge }, caller, signal) {
      await internal.rotateWebhookSecret(forge, signal)
      await note(caller, 'rotate-webhook-secret', null, `forge/${forge}`)
      return { message: `the webhook of ${forge} has another secret; the former one is accepted for another day` }
    },
    async replaceAppKey({ forge, key }, caller, signal) {
      const { slug, htmlUrl } = await internal.replaceAppKey(forge, key, signal)
      await note(caller, 'replace-app-key', null, `forge/${forge}`)
      return {
        message: `this key of "${slug}" is used from now on: delete the former one on the App's page (${htmlUrl})`
      }
    }
  }
}
