import { createHash, randomBytes } from 'node:crypto'
import type { FunctionKeyView } from '@slipway/client'
import { type AccessTarget, type FunctionAccess, type FunctionKey } from '@slipway/domain'
import { createLookups, type HandlerDeps, type Handlers } from './handling.ts'

const dayMs = 24 * 3_600_000

type AccessRoutes =
  | 'getAccess'
  | 'setAccess'
  | 'setDefaultAccess'
  | 'listFunctionKeys'
  | 'createFunctionKey'
  | 'revokeFunctionKey'

/** Who may call functions, and the keys that open them. */
export function createAccessHandlers(deps: HandlerDeps): Handlers<AccessRoutes> {
  const { store, signals, now } = deps
  const { ownerIdOf, functionOf, note } = createLookups(deps)

  /** Returns what was set before. */
  async function set(target: AccessTarget, access: FunctionAccess | null): Promise<FunctionAccess | null> {
    const before = await store.access.set(target, access)
    signals.send('routes', {})
    return before
  }

  return {
    async getAccess({ owner, name }) {
      const { ownerId } = await functionOf({ owner, name })
      return store.access.of(ownerId, name)
    },
    async setAccess({ owner, name, access }, caller) {
      const { ownerId, clusterName } = await functionOf({ owner, name })
      const before = await set({ kind: 'function', ownerId, name }, access)
      await note(caller, 'set-access', ownerId, `function/${clusterName}`, { before, after: access })
      return store.access.of(ownerId, name)
    },
    async setDefaultAccess({ owner, repository, access }, caller) {
      const ownerId = await ownerIdOf(owner)
      const target: AccessTarget =
        repository === undefined ? { kind: 'owner', ownerId } : { kind: 'repository', repositoryId: repository }
      const before = await set(target, access)
      const resource = repository === undefined ? `owner/${ownerId}` : `repository/${repository}`
      await note(caller, 'set-access', ownerId, resource, { before, after: access })
      const whose = repository === undefined ? owner : `the repository, and then of ${owner}`
      return {
        message:
          access === null
            ? `who may call is not said for ${whose} any more`
            : `the default of ${whose} is ${access} now`
      }
    },
    async listFunctionKeys({ owner }) {
      return { items: (await store.functionKeys.list(await ownerIdOf(owner))).map(viewOf) }
    },
    async createFunctionKey({ owner, name, function: functionName, isOwn = false, expiresInDays }, caller) {
      const ownerId = await ownerIdOf(owner)
      if (functionName !== undefined) await functionOf({ owner, name: functionName })
      const key = `slf_${randomBytes(32).toString('base64url')}`
      const about = {
        ownerId,
        hash: createHash('sha256').update(key).digest('hex'),
        name,
        isOwn,
        functionName: functionName ?? null,
        createdBy: caller.name,
        expiresAt: expiresInDays === undefined ? null : now() + expiresInDays * dayMs
      }
      const made = await store.functionKeys.create(about, now())
      signals.send('routes', {})
      await note(caller, 'create-function-key', ownerId, `function-key/${made.id}`, { name, isOwn, functionName })
      return { key, about: viewOf(made) }
    },
    async revokeFunctionKey({ owner, id }, caller) {
      const ownerId = await ownerIdOf(owner)
      const { name } = await store.functionKeys.revoke(ownerId, id)
      signals.send('routes', {})
      await note(caller, 'revoke-function-key', ownerId, `function-key/${id}`, { name })
      return { message: `the key ${JSON.stringify(name)} of ${owner} opens nothing any more` }
    }
  }
}

function viewOf({ ownerId: _ownerId, functionName, ...about }: FunctionKey): FunctionKeyView {
  return { ...about, function: functionName }
}
