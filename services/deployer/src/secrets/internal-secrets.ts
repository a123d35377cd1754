import { internalSecretPaths as paths, type SealedDocument, type SecretValues } from '@slipway/client'
import { Failure, type Store } from '@slipway/domain'
import type { Encryption } from '@slipway/secrets'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import type { SecretKeeper, Values } from './keeper.ts'
import type { Redactors } from './redactors.ts'
import type { Sealing } from './sealing.ts'

export interface InternalSecretsDeps {
  store: Pick<Store, 'secrets' | 'builds' | 'owners'>
  keeper: SecretKeeper
  sealing: Sealing
  encryption: Encryption
  /** Others that are rotated with it. */
  keyrings?: Encryption[]
  redactors: Redactors
  /** Builds were queued. */
  queued(): void
}

const bodyLimit = 4 * 1024 * 1024
const Text = Type.String({ maxLength: 300 })
const Place = Type.Object({ path: Type.String(), line: Type.Integer(), column: Type.Integer() })
const PutBody = Type.Object({ values: Type.Record(Type.String(), Type.String()), by: Text })
const HeldBody = Type.Object({ holder: Text })
const NamesBody = Type.Object({ holder: Text, names: Type.Array(Text, { maxItems: 1000 }) })
const SealedBody = Type.Object({
  holder: Text,
  documents: Type.Array(
    Type.Object({
      namespace: Type.String(),
      name: Type.String(),
      scope: Type.Enum(['strict', 'namespace-wide', 'cluster-wide']),
      at: Type.Object({ namespace: Place, name: Place, scope: Place }),
      values: Type.Array(Type.Object({ key: Type.String(), sealed: Type.String(), at: Place }))
    })
  )
})
const KeysBody = Type.Object({ text: Type.String() })

type OfBuild<Body> = { Params: { id: string }; Body: Body }

/**
 * What other services may ask about secrets. Values go to `builder` only, for a build that it holds the lease of,
 * and only those of that build's owner.
 */
export function addSecretRoutes(app: FastifyInstance, deps: InternalSecretsDeps): void {
  addBuildRoutes(app, deps)
  const { keeper, sealing, encryption, keyrings = [], queued } = deps
  app.put<{ Params: { id: string; name: string }; Body: Static<typeof PutBody> }>(
    paths.put,
    { schema: { body: PutBody }, bodyLimit },
    async ({ params, body }) => {
      const of = { ownerId: params.id, name: params.name, by: body.by }
      const { set, isChanged, redeploys } = await keeper.put(of, decoded(body.values))
      if (redeploys.length > 0) queued()
      return { set, isChanged, redeploys: redeploys.map(({ id }) => id) }
    }
  )
  app.get(paths.certificate, async () => ({ certificate: await sealing.certificate() }))
  app.post(paths.rotateSealing, async () => ({ certificate: await sealing.rotate() }))
  app.post<{ Body: Static<typeof KeysBody> }>(paths.importKeys, { schema: { body: KeysBody } }, ({ body }) =>
    sealing.importKeys(body.text)
  )
  app.post(paths.rotateEncryption, async () => {
    let count = 0
    for (const one of [encryption, ...keyrings]) count += await one.rotate()
    return { count }
  })
}

function addBuildRoutes(app: FastifyInstance, { store, keeper, sealing, redactors }: InternalSecretsDeps): void {
  /** The owner of a build that is being built by whoever asks. @throws Failure `lease-lost` */
  async function ownerOf(buildId: string, holder: string): Promise<{ ownerId: string; ownerSlug: string }> {
    // Refuses whoever does not hold the build.
    await store.secrets.ofBuild(buildId, holder, [])
    const ownerId = (await store.builds.get(buildId))?.ownerId ?? null
    const owner = ownerId === null ? null : await store.owners.get(ownerId)
    if (owner?.slug == null) throw new Failure('lease-lost', `build ${buildId} has no owner any more`)
    return { ownerId: owner.id, ownerSlug: owner.slug }
  }

  app.post<OfBuild<Static<typeof SealedBody>>>(
    paths.seal,
    { schema: { body: SealedBody }, bodyLimit },
    async ({ params: { id }, body: { holder, documents } }) => {
      const owner = await ownerOf(id, holder)
      await sealing.openForBuild({ id, ...owner }, holder, documents satisfies SealedDocument[])
      return {}
    }
  )
  app.post<OfBuild<Static<typeof NamesBody>>>(
    paths.ofBuild,
    { schema: { body: NamesBody } },
    async ({ params: { id }, body: { holder, names } }) => {
      const found = await store.secrets.ofBuild(id, holder, names)
      return found.map(({ name, versionId, keys }) => ({ name, versionId, keys }))
    }
  )
  app.post<OfBuild<Static<typeof NamesBody>>>(
    paths.values,
    { schema: { body: NamesBody } },
    async ({ params: { id }, body: { holder, names } }) => {
      const found = await store.secrets.ofBuild(id, holder, names)
      const missing = names.find((name) => !found.some((one) => one.name === name))
      if (missing !== undefined) throw new Failure('not-found', `there is no secret "${missing}" any more`)
      const opened: Record<string, { versionId: string; values: SecretValues }> = {}
      for (const secret of found) {
        opened[secret.name] = { versionId: secret.versionId, values: encoded(await keeper.open(secret)) }
      }
      return opened
    }
  )
  app.post<OfBuild<Static<typeof HeldBody>>>(
    paths.redactions,
    { schema: { body: HeldBody } },
    async ({ params: { id }, body: { holder } }) => {
      const { ownerId } = await ownerOf(id, holder)
      return (await redactors.valuesOf(ownerId)).map((value) => value.toString('base64'))
    }
  )
}

/** @throws Failure `invalid-request` for what is no base64 */
function decoded(values: SecretValues): Map<string, Buffer> {
  return new Map(
    Object.entries(values).map(([key, value]) => {
      const bytes = Buffer.from(value, 'base64')
      if (bytes.toString('base64') !== value) throw new Failure('invalid-request', 'values are base64')
      return [key, bytes]
    })
  )
}

function encoded(values: Values): SecretValues {
  return Object.fromEntries([...values].map(([key, value]) => [key, value.toString('base64')]))
}
