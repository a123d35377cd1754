import type { ForgeProblem, InternalApi, RouteName } from '@slipway/client'
import { type DeliveryRecord, Failure, isAdministrator, isUploaded, type Store } from '@slipway/domain'
import type { Handlers, Note } from '../handling.ts'

export interface ForgeHandlerDeps {
  store: Pick<Store, 'forgeConnections' | 'deliveries' | 'repositories'>
  internal: Pick<
    InternalApi,
    'beginConnection' | 'connectProject' | 'forgeHealth' | 'rotateWebhookSecret' | 'replaceAppKey'
  >
  /** Where people reach our pages. */
  publicUrl(): string
  note: Note
}

type ForgeRoute = Extract<
  RouteName,
  | 'connectGitHub'
  | 'connectGitLab'
  | 'getForgeConnection'
  | 'listForges'
  | 'getRepositoryHealth'
  | 'rotateWebhookSecret'
  | 'replaceAppKey'
>

const suspended: ForgeProblem = {
  what: 'installation',
  message: 'the App is suspended for this repository at its forge: nothing is built',
  fix: 'its owner lets it go on in the settings of the forge'
}

function lastOf(newest: DeliveryRecord | null) {
  if (newest === null) return null
  const { eventName, outcome, receivedAt } = newest
  return { eventName, outcome, receivedAt }
}

/** What is wrong with an App may name other owners that have installed it. */
function withoutDetail({ what }: ForgeProblem): ForgeProblem {
  return {
    what,
    message: 'something is wrong here between the forge and this installation; pushes may be found late',
    fix: 'an administrator of this installation sees what under Administration, Forges'
  }
}

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
    async connectGitLab({ project, token = null, url = null, replace = false }, caller, signal) {
      const done = await internal.connectProject({ project, token, url, replace }, signal)
      const { forgeId, hook, account } = done
      await note(caller, 'connect-forge', null, `forge/${forgeId}`, { project, account, hook, replace })
      return done
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
          return { ...forge, lastDelivery: lastOf(await store.deliveries.newest(forge.forgeId)) }
        })
      )
      return { items }
    },
    async getRepositoryHealth({ id }, caller, signal) {
      const repository = await store.repositories.get(id)
      if (repository === null) throw new Failure('not-found', `there is no repository ${id}`)
      const { forgeId, suspendedAt } = repository
      const lastDelivery = lastOf(await store.deliveries.newest(forgeId, id))
      const forges = isUploaded(repository) ? [] : await internal.forgeHealth(false, signal)
      const forge = forges.find((one) => one.forgeId === forgeId)
      const { mode = null, reason = null, checkedAt = null } = forge ?? {}
      const known = (forge?.problems ?? []).map((one) => (isAdministrator(caller) ? one : withoutDetail(one)))
      const problems = suspendedAt === null ? known : [suspended, ...known]
      return { mode, reason, lastDelivery, problems, checkedAt }
    },
    async rotateWebhookSecret({ forge }, caller, signal) {
      const { projects, problems } = await internal.rotateWebhookSecret(forge, signal)
      await note(caller, 'rotate-webhook-secret', null, `forge/${forge}`, { projects, failed: problems.length })
      const what = projects.length === 0 ? `the webhook of ${forge} has` : `the webhooks of ${projects.join(', ')} have`
      const former =
        problems.length === 0
          ? `${what} another secret; the former one is accepted for another day`
          : `not every webhook of ${forge} has another secret: the former one goes on being accepted`
      return { message: former, projects, problems }
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
