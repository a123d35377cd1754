import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createInternalClient, type SealedDocument } from '@slipway/client'
import { forgeApiSettings } from '@slipway/forge'
import { createLogger, loadConfig } from '@slipway/service'
import { createStore } from '@slipway/store'
import { createFakeCluster, pushOf, seedClaim, seedPush } from '@slipway/testing'
import Type from 'typebox'
import { createForgeServices } from '../forges/forge-services.ts'
import { createInternal } from '../internal.ts'
import { createSecretServices } from './secret-services.ts'

export const signal = AbortSignal.timeout(600_000)

/** The deployer's internal API over a store of its own, with a client of it, and everything behind it. */
export async function createSecretsForTest(t: TestContext, { encryptionKeys = null as string | null } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-secrets-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  const encryptionFile = join(directory, 'encryption.keys')
  const services = createSecretServices({ store, encryptionKeys, encryptionFile, now: Date.now })
  const logger = createLogger('test', 'silent')
  const { followed, administration, keyrings } = await createForgeServices({
    store,
    settings: loadConfig(Type.Object(forgeApiSettings), {}),
    encryption: services.encryption,
    webhookKeys: { keys: null, file: join(directory, 'webhook.keys') },
    signInKeys: { keys: null, file: join(directory, 'sign-in.keys') },
    addresses: { pages: undefined, receiver: undefined },
    changed: () => undefined,
    now: Date.now,
    logger
  })
  const cluster = createFakeCluster({ now: Date.now })
  let queued = 0
  const app = createInternal({
    store,
    forges: followed.forges,
    forgeAdministration: {
      ...administration,
      lookForInstallations: () => undefined,
      connectRepository: async () => undefined
    },
    cluster,
    scaling: { choose: async () => [] },
    hasImage: () => Promise.resolve(true),
    token: 'internal',
    isLoopbackTold: true,
    secrets: { ...services, keyrings, queued: () => void queued++ },
    redactors: services.redactors,
    checkParts: async () => [],
    cleanUp: { run: () => Promise.resolve({ removed: [], problems: [] }) },
    routesChanged: () => undefined,
    now: Date.now,
    logger,
    certificate: null
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await app.close()
    await followed.loop.close()
    await cluster.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  let repositories = 0
  return {
    ...services,
    store,
    cluster,
    encryptionFile,
    internal: createInternalClient({ url }, 'internal'),
    queued: () => queued,
    /** A build that is being built by `seed`, of a repository of this owner. */
    async building(login: string, commit = 'a'.repeat(40), repositoryName = 'shop') {
      repositories += 1
      const id = login === 'alice' && repositoryName === 'shop' ? '7' : String(100 + repositories)
      const forgeOwnerId = String(Buffer.from(login).readUIntBE(0, Math.min(6, login.length)) + login.length)
      const push = pushOf(commit)
      const repository = { ...push.repository, forgeRepositoryId: id, fullName: `${login}/${repositoryName}` }
      const buildId = await seedPush(
        store,
        { ...push, repository: { ...repository, owner: { forgeOwnerId, login } } },
        0
      )
      const { build } = await seedClaim(store, buildId, Date.now())
      return build
    }
  }
}

const line = (number: number) => ({ path: 'secrets.yml', line: number, column: 3 })

/** A sealed secret as it would be read from a file, its values by key. */
export function documentOf(
  place: { namespace: string; name: string; scope?: SealedDocument['scope'] },
  values: Record<string, string>
): SealedDocument {
  return {
    scope: 'strict',
    ...place,
    at: { namespace: line(5), name: line(6), scope: line(4) },
    values: Object.entries(values).map(([key, sealed], i) => ({ key, sealed, at: line(10 + i) }))
  }
}

const recorded = new URL('../../../../packages/secrets/src/fixtures/kubeseal/', import.meta.url)

/** What the real kubeseal made, and the key that opens it: see its record.mjs. */
export async function kubesealFile(name: string): Promise<{ text: string; values: Record<string, string> }> {
  const text = await readFile(new URL(name, recorded), 'utf8')
  const values = [...text.matchAll(/^ {4}([a-z.]+): (Ag[A-Za-z0-9+/=]+)$/gm)].map(([, key = '', value = '']) => [
    key,
    value
  ])
  return { text, values: Object.fromEntries(values) as Record<string, string> }
}
