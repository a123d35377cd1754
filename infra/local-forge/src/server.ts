import { once } from 'node:events'
import { STATUS_CODES } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, type Logger } from '@slipway/service'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { addConditions } from './conditions.ts'
import type { Core } from './core.ts'
import type { Deliveries } from './deliveries.ts'
import type { ForgeForm } from './form.ts'
import { authorizeGit, isGitPath } from './git-access.ts'
import type { GitHttp } from './git-http.ts'
import { style } from './page-style.ts'

/** Which parts of the forge are out of order. `reads`: REST and fetches, while pushes go on. */
export type Outage = 'none' | 'rest' | 'git' | 'reads' | 'all'

/** How it shows: an answer of that status, no answer ever, or a connection that breaks. */
export type OutageForm = { status: number; retryAfterSeconds?: number } | 'hang' | 'reset'

export interface Trouble {
  outage: Outage
  form: OutageForm
  /** Every answer of REST and git is held back so long. */
  latencyMs: number
}

export interface ServerDeps {
  core: Core
  form: ForgeForm
  gitHttp: GitHttp
  servePage: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
  deliveries: Pick<Deliveries, 'all' | 'send' | 'settled'>
  trouble: Trouble
  logger: Logger
}

const restBodyLimitBytes = 4 * 1024 * 1024

const avatar = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="8" fill="#5b6673"/><path d="M5 12V4m0 4h4a2 2 0 0 0 2-2V4" stroke="#fff" stroke-width="1.6" fill="none"/></svg>`

export function createForgeServer(deps: ServerDeps): FastifyInstance {
  const { core, form, gitHttp, servePage, deliveries, trouble, logger } = deps
  const app = createServer({
    logger,
    fastify: {
      forceCloseConnections: true,
      bodyLimit: restBodyLimitBytes,
      routerOptions: { maxParamLength: 1100 },
      // A forge does not mend what it is sent.
      ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allowUnionTypes: true } }
    }
  })
  const stopping = new AbortController()
  app.addHook('preClose', async () => stopping.abort())

  app.addHook('onRequest', async (request, reply) => {
    const isRest = request.url.startsWith(`${form.apiPath}/`) || request.url === form.tokenPath
    const part = isRest ? 'rest' : isGitPath(request.url) ? 'git' : null
    if (part === null) return
    if (trouble.latencyMs > 0) await sleep(trouble.latencyMs, undefined, { signal: stopping.signal })
    if (isOutOfOrder(trouble.outage, part, request.url)) return refuse(reply, trouble.form)
  })

  /** Answers as something that is out of order does. */
  async function refuse(reply: FastifyReply, form: OutageForm): Promise<FastifyReply> {
    if (form === 'reset') {
      reply.hijack()
      reply.raw.socket?.resetAndDestroy()
      return reply
    }
    if (form === 'hang') {
      reply.hijack()
      const gone = once(reply.raw, 'close')
      const stopped = once(stopping.signal, 'abort')
      await Promise.race([gone, stopped])
      reply.raw.destroy()
      return reply
    }
    const { status, retryAfterSeconds } = form
    if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
    return reply.code(status).send({ message: `${status} ${STATUS_CODES[status] ?? ''}`.trim() })
  }

  async function serveGit(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const authorization = authorizeGit(request, core, form)
    return authorization.isGranted ? gitHttp.serve(request, reply, authorization.git) : authorization.refuse(reply)
  }

  void app.register(
    (scope) => {
      addConditions(scope)
      return form.rest(scope, deliveries)
    },
    { prefix: form.apiPath }
  )
  form.signIn(app)
  void app.register(async (scope) => {
    // What git sends is streamed to git.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.post('/*', (request, reply) =>
      isGitPath(request.url) ? serveGit(request, reply) : servePage(request, reply)
    )
  })
  app.get('/-/style.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(style))
  app.get('/-/avatar.svg', (_request, reply) => reply.type('image/svg+xml').send(avatar))
  form.pages?.(app)
  app.get('/', servePage)
  app.get('/*', (request, reply) => (isGitPath(request.url) ? serveGit(request, reply) : servePage(request, reply)))
  return app
}

function isOutOfOrder(outage: Outage, part: 'rest' | 'git', url: string): boolean {
  if (outage === 'reads') return part === 'rest' || !url.includes('git-receive-pack')
  return outage === part || outage === 'all'
}
