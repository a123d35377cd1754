import { Failure, type Store, secretNameOf } from '@slipway/domain'
import type { Handlers } from '../handling.ts'
import type { Caller } from '../identify.ts'
import type { Namespaces } from './namespaces.ts'
import type { Secret } from './shapes.ts'

export interface SecretsDeps {
  store: Pick<Store, 'secrets'>
  namespaces: Namespaces
  handlers: Pick<Handlers, 'putSecret' | 'removeSecret'>
}

/** OpenFaaS' secrets: sets with one key, which is called as the set. */
export function createSecrets({ store, namespaces, handlers }: SecretsDeps) {
  async function find(owner: string, written: string) {
    const { id, slug } = await namespaces.ownerOf(owner)
    return store.secrets.get(id, secretNameOf(slug, written))
  }

  async function put(owner: string, { name: written, value, rawValue }: Secret, caller: Caller, signal: AbortSignal) {
    const name = secretNameOf(owner, written)
    const isRaw = value === undefined || value === ''
    const values = { [name]: (isRaw ? rawValue : value) ?? '' }
    if (values[name] === '') throw new Failure('invalid-request', `the secret "${name}" has no value`)
    await handlers.putSecret({ owner, name, values, encoding: isRaw ? 'base64' : 'text' }, caller, signal)
  }

  return {
    async list(owner: string): Promise<{ name: string; namespace: string }[]> {
      const { id } = await namespaces.ownerOf(owner)
      return (await store.secrets.list(id)).map(({ name }) => ({ name, namespace: owner }))
    },
    async create(owner: string, secret: Secret, caller: Caller, signal: AbortSignal): Promise<void> {
      if ((await find(owner, secret.name)) !== null) {
        throw new Failure('name-taken', `the secret "${secret.name}" of ${owner} exists: update it with PUT`)
      }
      await put(owner, secret, caller, signal)
    },
    async update(owner: string, secret: Secret, caller: Caller, signal: AbortSignal): Promise<void> {
      const set = await find(owner, secret.name)
      if (set === null) throw new Failure('not-found', `there is no secret "${secret.name}" of ${owner}`)
      if (set.keys.length !== 1 || set.keys[0] !== set.name) {
        throw new Failure(
          'conflict',
          `the secret "${set.name}" of ${owner} has the keys ${set.keys.join(', ')}: OpenFaaS knows one value a secret, so set it with "slipway secrets set"`
        )
      }
      await put(owner, secret, caller, signal)
    },
    async remove(owner: string, name: string, caller: Caller, signal: AbortSignal): Promise<void> {
      if ((await find(owner, name)) === null) {
        throw new Failure('not-found', `there is no secret "${name}" of ${owner}`)
      }
      await handlers.removeSecret({ owner, name }, caller, signal)
    }
  }
}

export type Secrets = ReturnType<typeof createSecrets>
