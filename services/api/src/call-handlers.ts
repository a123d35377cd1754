import { createLookups, type HandlerDeps, type Handlers } from './handling.ts'

type CallRoutes = 'listGivenUpCalls' | 'retryGivenUpCall' | 'dropGivenUpCall'

/** Functions of one owner that are looked through. */
const most = { before: null, limit: 10_000 }

/** Asynchronous calls that were given up. */
export function createCallHandlers(deps: HandlerDeps): Handlers<CallRoutes> {
  const { store, givenUp } = deps
  const { whoseFor, functionOf, note } = createLookups(deps)
  return {
    async listGivenUpCalls({ owner, function: name, limit = 100 }, caller) {
      const visible = await store.functions.list(await whoseFor(caller, 'see-calls', { owner }), {}, most)
      const wanted = visible.filter((record) => name === undefined || record.name === name)
      const byKey = new Map(wanted.map((record) => [`${record.ownerId}/${record.name}`, record]))
      const found = await givenUp.list([...byKey.keys()], limit)
      return {
        items: found.map(({ functionKey, ...call }) => ({
          owner,
          function: byKey.get(functionKey)?.name ?? '',
          ...call
        }))
      }
    },
    async retryGivenUpCall({ owner, name, call }, caller) {
      const { ownerId, clusterName } = await functionOf({ owner, name })
      await givenUp.retry(`${ownerId}/${name}`, call)
      await note(caller, 'retry-call', ownerId, `function/${clusterName}`, { call })
      return { message: `the call ${call} of ${owner}/${name} is made again` }
    },
    async dropGivenUpCall({ owner, name, call }, caller) {
      const { ownerId, clusterName } = await functionOf({ owner, name })
      await givenUp.drop(`${ownerId}/${name}`, call)
      await note(caller, 'drop-call', ownerId, `function/${clusterName}`, { call })
      return { message: `the call ${call} of ${owner}/${name} is forgotten` }
    }
  }
}
