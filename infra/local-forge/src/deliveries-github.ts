import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { GitHubRestDeps } from './access-github.ts'
import { iso } from './answers-github.ts'
import type { LocalDelivery } from './deliveries.ts'
import { refusal } from './rest.ts'

/** What became of the App's deliveries: https://docs.github.com/en/rest/apps/webhooks */
export function registerDeliveries(
  scope: FastifyInstance,
  { deliveries, repositories, installations, address }: GitHubRestDeps,
  assertApp: (request: FastifyRequest) => void
): void {
  function installationOf({ repositoryId }: LocalDelivery): number | null {
    const repository = repositoryId === null ? null : repositories.byId(repositoryId)
    return (repository === null ? null : installations.ofRepository(repository))?.id ?? null
  }

  const itemOf = (delivery: LocalDelivery) => ({
    id: delivery.id,
    guid: delivery.deliveryId,
    delivered_at: iso(delivery.at),
    redelivery: delivery.isRedelivery,
    duration: (delivery.durationMs ?? 0) / 1000,
    status: delivery.status === 'delivered' ? 'OK' : (delivery.error ?? 'Invalid HTTP Response'),
    status_code: delivery.responseStatus ?? 0,
    event: delivery.event,
    action: delivery.action,
    installation_id: installationOf(delivery),
    repository_id: delivery.repositoryId,
    throttled_at: null
  })

  // By id and downwards: what comes while somebody turns pages moves nothing.
  scope.get('/app/hook/deliveries', (request, reply) => {
    assertApp(request)
    const { per_page: size, cursor, status } = request.query as Record<string, string | undefined>
    const perPage = Math.min(Number(size ?? 30) || 30, 100)
    const before = /^v1_([0-9]{1,15})$/.exec(cursor ?? '')?.[1]
    if (cursor !== undefined && before === undefined) throw refusal(422, 'Invalid cursor')
    const answered = deliveries
      .all()
      .filter((delivery) => delivery.status !== 'pending' && (before === undefined || delivery.id < Number(before)))
      .filter((delivery) => status === undefined || (status === 'failure') === (delivery.status === 'failed'))
      .toReversed()
    const page = answered.slice(0, perPage)
    const last = page.at(-1)
    if (last !== undefined && answered.length > perPage) {
      const next = new URL(request.url, address().url)
      next.searchParams.set('cursor', `v1_${last.id}`)
      reply.header('link', `<${next.href}>; rel="next"`)
    }
    return page.map(itemOf)
  })

  scope.get('/app/hook/deliveries/:deliveryId', (request) => {
    assertApp(request)
    const { deliveryId } = request.params as { deliveryId: string }
    const delivery = deliveries.all().find(({ id }) => String(id) === deliveryId)
    if (delivery === undefined) throw refusal(404, 'Not Found')
    const payload = delivery.body === null ? null : (JSON.parse(delivery.body) as Record<string, unknown>)
    return {
      ...itemOf(delivery),
      url: delivery.url,
      request: { headers: delivery.requestHeaders, payload },
      response: { headers: null, payload: delivery.responseBody }
    }
  })
}
