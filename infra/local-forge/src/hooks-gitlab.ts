import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { describePush } from './push.ts'
import type { HostedRepository } from './repositories.ts'
import { paginate, parameters, refusal } from './rest.ts'
import type { GitLabRestDeps, ProjectAccess } from './rest-gitlab.ts'
import type { Webhook } from './state.ts'
import { describeGitLabPush, gitlabCommitLimit } from './webhooks-gitlab.ts'

/** Webhooks of a project: https://docs.gitlab.com/api/project_webhooks/ */

const triggers = ['push_events', 'tag_push_events', 'merge_requests_events'] as const
const WantedHook = Type.Object({
  url: Type.String({ pattern: '^https?://' }),
  name: Type.Optional(Type.String()),
  push_events: Type.Optional(Type.Boolean()),
  tag_push_events: Type.Optional(Type.Boolean()),
  merge_requests_events: Type.Optional(Type.Boolean()),
  enable_ssl_verification: Type.Optional(Type.Boolean()),
  token: Type.Optional(Type.String()),
  signing_token: Type.Optional(Type.String())
})

export function registerHooks(scope: FastifyInstance, deps: GitLabRestDeps, access: ProjectAccess): void {
  const { state, address, commits, accounts, deliveries, now } = deps

  function answerOf(webhook: Webhook, repository: HostedRepository) {
    const isTold = (trigger: string) => webhook.triggers?.includes(trigger) ?? true
    return {
      id: webhook.id,
      url: webhook.url,
      name: '',
      description: '',
      project_id: repository.id,
      push_events: isTold('push_events'),
      tag_push_events: isTold('tag_push_events'),
      merge_requests_events: isTold('merge_requests_events'),
      enable_ssl_verification: true,
      alert_status: 'executable',
      disabled_until: null,
      created_at: new Date(now()).toISOString(),
      token_present: webhook.token !== null,
      signing_token_present: webhook.signingToken !== null
    }
  }

  function hookOf(request: FastifyRequest) {
    const { repository } = access(request, 'write')
    const { hook } = request.params as { hook: string }
    const webhook = state.data.webhooks.find(({ id, repositoryId }) => {
      return String(id) === hook && (repositoryId === null || repositoryId === repository.id)
    })
    if (webhook === undefined) throw refusal(404, '404 Not found')
    return { repository, webhook }
  }

  /** What is not said stays as it is; GitLab tells a new hook of pushes and of nothing else. */
  function triggersOf(wanted: Static<typeof WantedHook>, before: readonly string[]): string[] {
    return triggers.filter((trigger) => wanted[trigger] ?? before.includes(trigger))
  }

  scope.get('/projects/:id/hooks', (request, reply) => {
    const { repository } = access(request, 'write')
    const listening = state.data.webhooks.filter(
      ({ repositoryId }) => repositoryId === null || repositoryId === repository.id
    )
    return paginate(request, reply, listening, address().url).map((webhook) => answerOf(webhook, repository))
  })

  scope.post('/projects/:id/hooks', (request, reply) => {
    const { repository } = access(request, 'write')
    const wanted = parameters(request, WantedHook)
    const webhook: Webhook = {
      id: state.nextId(),
      uuid: randomUUID(),
      url: wanted.url,
      secret: null,
      token: wanted.token ?? null,
      signingToken: wanted.signing_token ?? null,
      repositoryId: repository.id,
      triggers: triggersOf(wanted, ['push_events'])
    }
    state.data.webhooks.push(webhook)
    state.changed()
    return reply.code(201).send(answerOf(webhook, repository))
  })

  scope.put('/projects/:id/hooks/:hook', (request) => {
    const { repository, webhook } = hookOf(request)
    const wanted = parameters(request, WantedHook)
    webhook.url = wanted.url
    webhook.token = wanted.token ?? webhook.token
    webhook.signingToken = wanted.signing_token ?? webhook.signingToken
    webhook.triggers = triggersOf(wanted, webhook.triggers ?? triggers)
    state.changed()
    return answerOf(webhook, repository)
  })

  scope.delete('/projects/:id/hooks/:hook', (request, reply) => {
    const { webhook } = hookOf(request)
    state.data.webhooks = state.data.webhooks.filter(({ id }) => id !== webhook.id)
    state.changed()
    return reply.code(204).send()
  })

  /** The newest commit as if it were pushed now. What the receiver answered decides, as at GitLab. */
  scope.post('/projects/:id/hooks/:hook/test/:trigger', async (request, reply) => {
    const { repository, webhook } = hookOf(request)
    const { trigger } = request.params as { trigger: string }
    if (trigger !== 'push_events') throw refusal(400, 'trigger does not have a valid value')
    const ref = `refs/heads/${repository.defaultBranch}`
    const after = await commits.resolve(repository, ref)
    if (after === null) throw refusal(422, 'Ensure the project has at least one commit.')
    const change = { ref, before: null, after }
    const sender = accounts.byId(repository.ownerId)
    const push = await describePush(commits, repository, sender, change, gitlabCommitLimit)
    const [delivery] = deliveries.send(describeGitLabPush(address(), push), webhook)
    await deliveries.settled()
    if (delivery?.status !== 'delivered') throw refusal(422, delivery?.error ?? delivery?.responseBody ?? 'lost')
    return reply.code(201).send({ message: '201 Created' })
  })
}
