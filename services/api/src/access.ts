import type { Rule } from '@slipway/client'
import { actions, auditName, authorize, Failure, nobody, noGrants, type Resource } from '@slipway/domain'
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller, Identify } from './identify.ts'
import { type Refusal, resourceName } from './refusals.ts'
import type { FindResource } from './resource.ts'

export interface AccessDeps {
  identify: Identify
  findResource: FindResource
  /** Counts a request of whoever signed in or sent a token. @throws Failure `too-many-requests` */
  limit(request: FastifyRequest, caller: Caller): Promise<void>
  /** Hears of every refusal, after it was answered. */
  refused(refusal: Refusal): void
}

export interface Access {
  /** Who asks; nobody where anybody may. @throws Error before the request was let in */
  callerOf(request: FastifyRequest): Caller
  /** For what everybody may ask for and not everybody gets the same of. */
  may(request: FastifyRequest, rule: Rule, input: Record<string, unknown>): Promise<boolean>
}

/** A route's configuration with its rule: without one it is not registered. */
export function under(rule: Rule): { config: FastifyContextConfig & { rule: Rule } } {
  return { config: { rule } }
}

export function ruleOf(config: unknown): Rule | null {
  return (config as { rule?: Rule } | undefined)?.rule ?? null
}

/** What a route's handler gets: a parameter of the path stands over one of the body or the query. */
export function inputOf(request: FastifyRequest): Record<string, unknown> {
  const part = (value: unknown) => (value ?? {}) as Record<string, unknown>
  return { ...part(request.query), ...part(request.body), ...part(request.params) }
}

const signIn =
  'sign in, or send "Authorization: Bearer <token>" (the administrator\'s is in the file admin-token of the state directory)'

export function signInFirst(): Failure {
  return new Failure('unauthenticated', signIn)
}

/**
 * Lets in who may, before anything else happens, for every route that is registered from now on: this is the one place
 * where `authorize` is asked.
 */
export function addAccess(app: FastifyInstance, { identify, findResource, limit, refused }: AccessDeps): Access {
  const callers = new WeakMap<FastifyRequest, Caller>()
  const resources = new WeakMap<FastifyRequest, Resource>()
  const hidden = new WeakSet<FastifyRequest>()

  function callerOf(request: FastifyRequest): Caller {
    const caller = callers.get(request)
    if (caller === undefined) throw new Error(`${request.url} was served without asking who asks`)
    return caller
  }

  app.addHook('onRoute', ({ method, url, config }) => {
    if (ruleOf(config) === null) throw new Error(`the route ${String(method)} ${url} has no rule`)
  })

  // Before the body is read, for whom no resource could help.
  app.addHook('onRequest', async (request, reply) => {
    const rule = ruleOf(request.routeOptions.config)
    if (rule === null) return
    if (actions[rule.action].needs === 'nothing') {
      callers.set(request, { ...nobody, grants: noGrants })
      return
    }
    reply.header('cache-control', 'private, no-store')
    const caller = await identify(request)
    if (caller.kind === 'nobody' && !('isOpen' in actions[rule.action])) throw signInFirst()
    await limit(request, caller)
    callers.set(request, caller)
  })

  app.addHook('preHandler', async (request) => {
    const rule = ruleOf(request.routeOptions.config)
    if (rule === null || actions[rule.action].needs === 'nothing') return
    const caller = callerOf(request)
    const { resource, missing } = await findResource(rule.on, inputOf(request), caller)
    if (resource !== null) resources.set(request, resource)
    const verdict = resource === null ? 'hidden' : authorize(caller, caller.grants, rule.action, resource)
    if (verdict === 'allowed') return
    if (caller.kind === 'nobody') throw signInFirst()
    // What is not there is refused to nobody.
    if (verdict === 'hidden' && resource !== null) hidden.add(request)
    if (verdict === 'hidden') throw new Failure('not-found', missing)
    throw new Failure('forbidden', refusal(caller, rule))
  })

  app.addHook('onResponse', async (request, { statusCode: status }) => {
    const rule = ruleOf(request.routeOptions.config)
    if (rule === null || !isRefusal(request, rule, status, hidden.has(request))) return
    const caller = callers.get(request)
    const actor = caller === undefined || caller.kind === 'nobody' ? null : auditName(caller)
    const ownerId = actor === null ? null : ownerOf(resources.get(request))
    const resource = actor === null ? 'installation' : resourceName(rule.on, ownerId, inputOf(request))
    refused({ actor, address: request.ip, action: rule.action, status, ownerId, resource })
  })

  async function may(request: FastifyRequest, { action, on }: Rule, input: Record<string, unknown>): Promise<boolean> {
    const caller = await identify(request)
    const { resource } = await findResource(on, input, caller)
    return resource !== null && authorize(caller, caller.grants, action, resource) === 'allowed'
  }

  return { callerOf, may }
}

/**
 * A 401 only where something was sent that could have been right: who merely is not signed in tried nothing. At the door what is unknown
 * or over is answered 404, too.
 */
function isRefusal({ headers }: FastifyRequest, { action }: Rule, status: number, isHidden: boolean): boolean {
  if (status === 403 || isHidden) return true
  if (action === 'sign-in') return status === 401 || status === 404
  return status === 401 && (headers.authorization ?? '') !== ''
}

function ownerOf(resource: Resource | undefined): string | null {
  if (resource?.kind === 'listing') return resource.owner?.ownerId ?? null
  return resource !== undefined && 'ownerId' in resource ? resource.ownerId : null
}

function refusal(caller: Caller, { action }: Rule): string {
  const { needs } = actions[action]
  const what = action.replaceAll('-', ' ')
  if (needs === 'administrator') return `only an administrator of this installation may do this (${what})`
  if (caller.kind === 'token') return `this token is for "${caller.scope}", which does not include: ${what}`
  return `this takes the right "${needs}" (${what}): ask an administrator of the owner`
}
