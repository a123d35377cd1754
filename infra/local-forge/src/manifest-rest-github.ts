import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import type { GitHubRestDeps } from './access-github.ts'
import { appAnswer } from './answers-github.ts'
import { refusal } from './rest.ts'
import type { Webhook } from './state.ts'

const HookChange = Type.Object({
  url: Type.Optional(Type.String({ pattern: '^https?://' })),
  secret: Type.Optional(Type.String({ minLength: 1 })),
  content_type: Type.Optional(Type.String()),
  insecure_ssl: Type.Optional(Type.Union([Type.String(), Type.Number()]))
})

/** What a new App is opened with, and where it is told: https://docs.github.com/en/rest/apps */
export function registerManifests(
  scope: FastifyInstance,
  { state, app, address, accounts, manifests }: GitHubRestDeps,
  assertApp: (request: FastifyRequest) => void
): void {
  scope.post<{ Params: { code: string } }>('/app-manifests/:code/conversions', (request, reply) => {
    const converted = manifests.convert(request.params.code)
    if (converted === null) throw refusal(404, 'Not Found')
    return reply.code(201).send({
      ...appAnswer(address(), app, accounts.byId(app.accountId), 0),
      client_id: app.clientId,
      client_secret: converted.clientSecret,
      webhook_secret: converted.webhookSecret,
      pem: app.privateKey
    })
  })

  function hook(): Webhook {
    const found = state.data.webhooks.find(({ repositoryId }) => repositoryId === null)
    if (found === undefined) throw refusal(404, 'Not Found')
    return found
  }
  const configOf = ({ url, secret }: Webhook) => ({
    content_type: 'json',
    insecure_ssl: '0',
    url,
    ...(secret === null ? {} : { secret: '********' })
  })

  scope.get('/app/hook/config', (request) => {
    assertApp(request)
    return configOf(hook())
  })
  scope.patch<{ Body: Static<typeof HookChange> }>('/app/hook/config', { schema: { body: HookChange } }, (request) => {
    assertApp(request)
    const { url, secret } = request.body
    const changed = hook()
    Object.assign(changed, { ...(url === undefined ? {} : { url }), ...(secret === undefined ? {} : { secret }) })
    state.changed()
    return configOf(changed)
  })
}
