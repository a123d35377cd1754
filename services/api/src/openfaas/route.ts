import { Problem } from '@slipway/client'
import type { Action } from '@slipway/domain'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { TSchema } from 'typebox'
import { type Access, signInFirst, under } from '../access.ts'
import type { Caller } from '../identify.ts'
import { type Named, type Namespaces, needsNamespace } from './namespaces.ts'
import { Taken } from './shapes.ts'

/** A call in the words of the rest of this API. */
export interface Asked {
  /** A slug; '' where none is meant. */
  owner: string
  name: string
  caller: Caller
  signal: AbortSignal
  request: FastifyRequest
  reply: FastifyReply
}

export interface OpenFaasRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  url: string
  summary: string
  action: Action
  /** What the rule is asked with. `listing`: of the owner that is named, or of all. `everything`: of all. */
  on: 'function' | 'owner' | 'listing' | 'everything' | 'platform'
  /** Where the function's name stands, when not in `name`. */
  nameIn?: string
  bodyLimitBytes?: number
  query?: TSchema
  body?: TSchema
  /** The schema of an answer of 200. Others only say what was taken. */
  response?: TSchema
  answer(asked: Asked): Promise<unknown>
}

export interface RouteDeps {
  namespaces: Namespaces
  callerOf: Access['callerOf']
  signalOf(reply: FastifyReply): AbortSignal
}

/** Finds out whose function is meant before the rule is asked: it is asked with what the handler gets. */
export function optionsOf(route: OpenFaasRoute, { namespaces, callerOf, signalOf }: RouteDeps): RouteOptions {
  const { method, url, summary, action, on, nameIn = 'name', bodyLimitBytes, query, body, response } = route
  const config = { ...under({ action, on: on === 'everything' ? 'listing' : on }).config, isPasswordTaken: true }
  const isNamed = on === 'function' || on === 'owner'

  async function named(request: FastifyRequest, caller: Caller): Promise<Named> {
    if (!isNamed && on !== 'listing') return {}
    const found = await namespaces.named(request, on === 'function' ? nameIn : null, caller)
    if (isNamed && found.owner === undefined) throw needsNamespace()
    return found
  }

  return {
    method,
    url,
    config,
    ...(bodyLimitBytes === undefined ? {} : { bodyLimit: bodyLimitBytes }),
    schema: {
      summary,
      tags: ['OpenFaaS'],
      security: [{ password: [] }, { token: [] }, { session: [] }],
      ...(query === undefined ? {} : { querystring: query }),
      ...(body === undefined ? {} : { body }),
      response: { ...(response === undefined ? { 201: Taken, 202: Taken } : { 200: response }), default: Problem }
    },
    async preValidation(request) {
      const caller = callerOf(request)
      // Public pages are shown to strangers, this is not.
      if (caller.kind === 'nobody') throw signInFirst()
      request.params = await named(request, caller)
      // Clients name all that they could say, and say nothing.
      request.query = Object.fromEntries(Object.entries(request.query ?? {}).filter(([, value]) => value !== ''))
    },
    handler(request, reply) {
      const { owner = '', name = '' } = request.params as Named
      return route.answer({ owner, name, caller: callerOf(request), signal: signalOf(reply), request, reply })
    }
  }
}
