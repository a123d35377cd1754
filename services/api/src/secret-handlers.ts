import type { InternalApi, RouteName, SecretView } from '@slipway/client'
import { Failure, type Owner, type SecretSet, type Store, secretNameOf } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import type { Handlers, Note } from './handling.ts'
import type { Caller } from './identify.ts'

export interface SecretHandlerDeps {
  store: Pick<Store, 'owners' | 'secrets' | 'sealingKeys' | 'repositories'>
  internal: Pick<InternalApi, 'putSecret' | 'rotateSealingKey' | 'rotateEncryptionKey' | 'importSealingKeys'>
  signals: Pick<Signals, 'send'>
  note: Note
  /** What `api` alone holds the key of. */
  rotateAccountKey(): Promise<number>
  now: () => number
}

type SecretRoute = Extract<
  RouteName,
  | 'listSecrets'
  | 'putSecret'
  | 'removeSecret'
  | 'listSealingKeys'
  | 'importSealingKeys'
  | 'rotateSealingKey'
  | 'rotateEncryptionKey'
>

/** Secrets go in here and never come out: what is read are names. Values are opened and closed by `deployer`. */
export function createSecretHandlers({
  store,
  internal,
  signals,
  note,
  rotateAccountKey,
  now
}: SecretHandlerDeps): Handlers<SecretRoute> {
  async function ownerOf(slug: string): Promise<Owner & { slug: string }> {
    const owner = await store.owners.findBySlug(slug)
    if (owner?.slug == null) throw new Failure('not-found', `there is no owner ${JSON.stringify(slug)}`)
    return { ...owner, slug: owner.slug }
  }

  async function viewOf(set: SecretSet, owner: string): Promise<SecretView> {
    const repository = set.repositoryId === null ? null : await store.repositories.get(set.repositoryId)
    const { name, origin, keys, versionId, createdAt, updatedAt } = set
    return { owner, name, origin, repository: repository?.fullName ?? null, keys, versionId, createdAt, updatedAt }
  }

  const administrate = (caller: Caller, action: string, detail: Record<string, unknown> = {}) =>
    note(caller, action, null, 'secrets', detail)

  return {
    async listSecrets({ owner }) {
      const { id, slug } = await ownerOf(owner)
      const sets = await store.secrets.list(id)
      return { items: await Promise.all(sets.map((set) => viewOf(set, slug))) }
    },
    async putSecret({ owner, name: written, values, encoding = 'text' }, caller, signal) {
      const { id, slug } = await ownerOf(owner)
      const name = secretNameOf(slug, written)
      const of = { ownerId: id, name, by: caller.name }
      const { set, isChanged, redeploys } = await internal.putSecret(of, toBase64(values, encoding), signal)
      if (redeploys.length > 0) signals.send('builds', {})
      const { keys, versionId } = set
      await note(caller, 'put-secret', id, `secret/${slug}-${name}`, { keys, versionId, isChanged, redeploys })
      return { secret: await viewOf(set, slug), isChanged, redeploys }
    },
    async removeSecret({ owner, name: written }, caller) {
      const { id, slug } = await ownerOf(owner)
      const name = secretNameOf(slug, written)
      await store.secrets.remove(id, name, now())
      await note(caller, 'remove-secret', id, `secret/${slug}-${name}`)
      return { message: `the secret "${name}" of ${slug} is removed` }
    },
    async listSealingKeys() {
      const keys = await store.sealingKeys.list()
      const current = keys.find(({ certificate }) => certificate !== null)
      const items = keys.map(({ fingerprint, certificate, createdAt }) => ({
        fingerprint,
        isCurrent: fingerprint === current?.fingerprint,
        isImported: certificate === null,
        createdAt
      }))
      return { items }
    },
    async importSealingKeys({ keys }, caller, signal) {
      const fingerprints = await internal.importSealingKeys(keys, signal)
      await administrate(caller, 'import-sealing-keys', { fingerprints })
      return { message: `${fingerprints.length} key${fingerprints.length === 1 ? '' : 's'} imported`, fingerprints }
    },
    async rotateSealingKey(_input, caller, signal) {
      await internal.rotateSealingKey(signal)
      await administrate(caller, 'rotate-sealing-key')
      return { message: 'there is a new sealing certificate; what was sealed with former ones opens as before' }
    },
    async rotateEncryptionKey(_input, caller, signal) {
      // Those of `deployer`, and our own.
      const count = (await internal.rotateEncryptionKey(signal)) + (await rotateAccountKey())
      await administrate(caller, 'rotate-encryption-key', { count })
      return { message: `${count} values were encrypted with the new key` }
    }
  }
}

/** @throws Failure `invalid-request` for what is said to be base64 and is not */
function toBase64(values: Record<string, string>, encoding: 'text' | 'base64'): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const bytes = Buffer.from(value, encoding === 'text' ? 'utf8' : 'base64')
      if (encoding === 'base64' && bytes.toString('base64').replace(/=+$/, '') !== value.trim().replace(/=+$/, '')) {
        throw new Failure('invalid-request', `the value of ${JSON.stringify(key.slice(0, 80))} is not base64`)
      }
      return [key, bytes.toString('base64')]
    })
  )
}
