import type { Page, Store } from '@slipway/domain'
import Type from 'typebox'
import type { Lookups } from '../handling.ts'
import type { Caller } from '../identify.ts'
import type { createTakeAlerts } from './alerts.ts'
import type { Functions } from './functions.ts'
import type { OpenFaasRoute } from './route.ts'
import * as shapes from './shapes.ts'

export interface FunctionRouteDeps {
  store: Pick<Store, 'functions'>
  functions: Functions
  takeAlerts: ReturnType<typeof createTakeAlerts>
  lookups: Pick<Lookups, 'whoseFor'>
}

const most: Page = { before: null, limit: 10_000 }

export function functionRoutes({ store, functions, takeAlerts, lookups }: FunctionRouteDeps): OpenFaasRoute[] {
  async function visibleFunctions(caller: Caller, owner: string | undefined, signal: AbortSignal) {
    const records = await store.functions.list(await lookups.whoseFor(caller, 'see-function', { owner }), {}, most)
    return functions.list(records, await lookups.whoseFor(caller, 'see-repository', { owner }), caller, signal)
  }

  const deploy =
    (isUpdate: boolean): OpenFaasRoute['answer'] =>
    ({ owner, caller, signal, request, reply }) => {
      reply.code(202)
      return functions.deploy(request.body as shapes.FunctionDeployment, owner, { isUpdate, caller, signal })
    }
  const one = { on: 'function', query: shapes.NamespaceQuery } as const
  const url = '/system/functions'
  return [
    {
      method: 'GET',
      url,
      summary: 'Functions that are live, and images that are being deployed or could not be',
      action: 'see-function',
      on: 'listing',
      query: shapes.NamespaceQuery,
      response: Type.Array(shapes.FunctionStatus),
      answer: ({ owner, caller, signal }) => visibleFunctions(caller, owner === '' ? undefined : owner, signal)
    },
    {
      method: 'POST',
      url,
      summary: 'Deploy an image that is there already as a new function',
      action: 'deploy',
      on: 'owner',
      body: shapes.FunctionDeployment,
      answer: deploy(false)
    },
    {
      method: 'PUT',
      url,
      summary: 'Deploy an image as the next version of a function',
      action: 'deploy',
      on: 'owner',
      body: shapes.FunctionDeployment,
      answer: deploy(true)
    },
    {
      method: 'DELETE',
      url,
      summary: 'Take a function out of service',
      action: 'remove',
      ...one,
      nameIn: 'functionName',
      body: shapes.FunctionName,
      answer: ({ owner, name, caller, signal, reply }) => {
        reply.code(202)
        return functions.remove(owner, name, caller, signal)
      }
    },
    {
      method: 'GET',
      url: '/system/function/:name',
      summary: 'One of them',
      action: 'see-function',
      ...one,
      response: shapes.FunctionStatus,
      answer: ({ owner, name, caller, signal }) => functions.get(owner, name, caller, signal)
    },
    {
      method: 'POST',
      url: '/system/scale-function/:name',
      summary: 'Set the number of replicas',
      action: 'deploy',
      ...one,
      body: shapes.Scale,
      answer: ({ owner, name, caller, signal, request, reply }) => {
        const { replicas } = request.body as { replicas: number }
        reply.code(202)
        return functions.scale({ owner, name, replicas }, caller, signal)
      }
    },
    {
      method: 'POST',
      url: '/system/alert',
      summary: 'Scale functions by alerts of Alertmanager: a step up while one fires, back when it is over',
      action: 'deploy',
      on: 'everything',
      body: shapes.Alerts,
      response: shapes.AlertsTaken,
      answer: ({ caller, signal, request }) => takeAlerts((request.body as shapes.Alerts).alerts, caller, signal)
    }
  ]
}
