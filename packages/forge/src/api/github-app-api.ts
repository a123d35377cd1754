import type { ForgeAppApi, FoundInstallation } from '@slipway/domain'
import Type from 'typebox'
import { ForgeId, orNull, readAnswer } from './answer.ts'
import type { GitHubApp } from './github-app.ts'

const Granted = Type.Record(Type.String(), Type.String())
const AccountAnswer = Type.Object({ login: Type.String({ minLength: 1 }), type: Type.Optional(Type.String()) })
const AppAnswer = Type.Object({
  id: ForgeId,
  slug: Type.String({ minLength: 1 }),
  html_url: Type.String({ minLength: 1 }),
  owner: AccountAnswer,
  permissions: Granted,
  events: Type.Array(Type.String())
})
const InstallationsAnswer = Type.Array(
  Type.Object({
    id: ForgeId,
    /** An enterprise has a `slug` instead. */
    account: Type.Union([
      Type.Object({ login: Type.Optional(Type.String()), slug: Type.Optional(Type.String()) }),
      Type.Null()
    ]),
    suspended_at: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    permissions: Granted
  })
)
const HookAnswer = Type.Object({ url: Type.Optional(Type.String()) })
const DeliveriesAnswer = Type.Array(
  Type.Object({
    delivered_at: Type.String(),
    status: Type.String(),
    status_code: Type.Integer(),
    event: Type.String()
  })
)

const pageSize = 100
const deliveriesShown = 30

/** What a GitHub App may ask about itself. */
export function createGitHubAppApi(app: Pick<GitHubApp, 'asApp'>): ForgeAppApi {
  return {
    async describe(signal) {
      const route = 'GET /app'
      const found = readAnswer('GitHub', route, AppAnswer, await app.asApp(route, {}, signal))
      const { id, slug, owner, permissions, events } = found
      return {
        appId: String(id),
        slug,
        htmlUrl: found.html_url,
        ownerLogin: owner.login,
        isOrganization: owner.type === 'Organization',
        permissions,
        events
      }
    },
    async installations(signal) {
      const route = 'GET /app/installations'
      const installations: FoundInstallation[] = []
      for (let page = 1; ; page += 1) {
        const data = await app.asApp(route, { per_page: pageSize, page }, signal)
        const found = readAnswer('GitHub', route, InstallationsAnswer, data)
        installations.push(
          ...found.map(({ id, account, suspended_at: suspendedAt, permissions }) => ({
            installationId: String(id),
            login: account?.login ?? account?.slug ?? '',
            isSuspended: typeof suspendedAt === 'string',
            permissions
          }))
        )
        if (found.length < pageSize) return installations
      }
    },
    async hookAddress(signal) {
      const route = 'GET /app/hook/config'
      const data = await orNull(app.asApp(route, {}, signal))
      return data === null ? null : readAnswer('GitHub', route, HookAnswer, data).url || null
    },
    async changeHook(change, signal) {
      await app.asApp('PATCH /app/hook/config', { ...change, content_type: 'json', insecure_ssl: '0' }, signal)
    },
    async recentDeliveries(signal) {
      const route = 'GET /app/hook/deliveries'
      const data = await app.asApp(route, { per_page: deliveriesShown }, signal)
      return readAnswer('GitHub', route, DeliveriesAnswer, data).map((one) => ({
        deliveredAt: Date.parse(one.delivered_at),
        eventName: one.event,
        statusCode: one.status_code,
        status: one.status
      }))
    }
  }
}
