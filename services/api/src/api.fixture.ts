import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createStatusApi, type InternalApi } from '@slipway/client'
import { Failure, type IdentityProvider } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import type { GivenUpCall } from '@slipway/queue/given-up-calls'
import { createLogger } from '@slipway/service'
import { createUploads } from '@slipway/source'
import { createStore } from '@slipway/store'
import type { RouteOptions } from 'fastify'
import { createTokenCheck } from './administrator.ts'
import { createApi } from './app.ts'
import type { IdentifyDeps } from './identify.ts'
import { createInternalForgesForTest } from './internal-forges.fixture.ts'
import { createInternalSecretsForTest } from './internal-secrets.fixture.ts'
import { createSignIn, type SignInDeps } from './sign-in/sign-in.ts'

export const token = 'a token of the test, long enough for it'
export const commits = { a: 'a'.repeat(40), b: 'b'.repeat(40), c: 'c'.repeat(40) }

/** Signals within one process. */
function createLocalSignals(): Signals & { sent: string[] } {
  const listeners = new Map<string, Set<(payload: never) => void>>()
  const sent: string[] = []
  return {
    sent,
    send(name, payload) {
      sent.push(name)
      for (const listener of listeners.get(name) ?? []) listener(payload as never)
    },
    listen(name, listener) {
      const known = listeners.get(name) ?? new Set()
      listeners.set(name, known.add(listener))
      return () => known.delete(listener)
    },
    ping: async () => {},
    close: async () => {}
  }
}

export async function createApiForTest(
  t: Pick<TestContext, 'after'>,
  {
    gatewayUrl = 'http://gateway.test',
    requestsPerMinute = 10_000,
    trustedProxies = [],
    uploadLimitBytes = 1024 ** 2,
    findSession,
    findAccount,
    providers = [],
    publicUrl,
    limits = {},
    now = Date.now
  }: {
    gatewayUrl?: string
    requestsPerMinute?: number
    trustedProxies?: string[]
    uploadLimitBytes?: number
    providers?: readonly IdentityProvider[]
    publicUrl?: string
    limits?: Partial<SignInDeps['limits']>
    now?: () => number
  } & Partial<Pick<IdentifyDeps, 'findSession' | 'findAccount'>> = {}
) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-api-'))
  await mkdir(join(directory, 'page', 'assets'), { recursive: true })
  await writeFile(join(directory, 'page', 'index.html'), '<!doctype html><title>Slipway</title>')
  await writeFile(join(directory, 'page', 'assets', 'main-abc.js'), 'export {}')
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  const signals = createLocalSignals()
  const scaled: [string, number, string][] = []
  /** Images that the registry lost, pinned. */
  const gone = new Set<string>()
  const isDeployerAway = { value: false }
  const forges = createInternalForgesForTest()
  const internal: InternalApi = {
    ...forges,
    ...createInternalSecretsForTest(store),
    credential: async () => ({ cloneUrl: '', credential: null }),
    hasImage: async (pinned) => !gone.has(pinned),
    list: async () => [
      {
        deploymentId: 'nobody-knows',
        clusterName: 'alice-lost',
        ownerSlug: 'alice',
        replicas: 1,
        availableReplicas: 1,
        createdAt: 5,
        endpoints: []
      }
    ],
    checkParts: async (probe) => {
      if (isDeployerAway.value) throw new Failure('unavailable', 'the deployer does not answer; it is tried again')
      return [{ name: 'registry', isOk: true, detail: probe ? 'probed' : 'it answers' }]
    },
    scale: async (id, { replicas, by }) => {
      const stored = by === 'alert' ? 'load' : by
      await store.deployments.setReplicas(id, replicas, stored)
      scaled.push([id, replicas, by])
      return []
    },
    remove: async (ownerId, name) => store.functions.remove(ownerId, name, Date.now()),
    addSink: async ({ by, url, ...about }) => {
      const sink = { id: randomUUID(), host: new URL(url).host, createdBy: by, createdAt: 1, ...about }
      await store.notifications.addSink({ ...sink, ciphertext: url, keyId: 'none' })
      return { sink, secret: about.kind === 'webhook' ? 'whsec_of-the-test' : null }
    },
    cleanUp: async () => ({ removed: [{ what: 'build logs', count: 3, bytes: null }], problems: [] }),
    async *logs() {
      yield { at: 0, instance: 'one', stream: 'stdout', text: 'hello from inside' }
    }
  }
  const logger = createLogger('test', 'silent')
  let address = 'http://127.0.0.1'
  const signIn = createSignIn({
    store,
    providers,
    publicUrl: () => publicUrl ?? address,
    accountKeys: { keys: null, file: join(directory, 'accounts.keys') },
    limits: { idleMs: 3600_000, longestMs: 24 * 3600_000, freshMs: 300_000, staleMs: 3600_000, ...limits },
    now,
    logger
  })
  const givenUpCalls: GivenUpCall[] = []
  const takeOut = async (functionKey: string, id: string) => {
    const at = givenUpCalls.findIndex((one) => one.functionKey === functionKey && one.id === id)
    if (at === -1) throw new Failure('not-found', `there is no call "${id}" that was given up`)
    givenUpCalls.splice(at, 1)
  }
  const givenUp = {
    list: async (keys: string[], limit: number) =>
      givenUpCalls.filter(({ functionKey }) => keys.includes(functionKey)).slice(0, limit),
    retry: takeOut,
    drop: takeOut
  }
  const registered: RouteOptions[] = []
  const app = await createApi({
    store,
    internal,
    signals,
    givenUp,
    isAdministrator: createTokenCheck(token),
    signIn,
    ...(findSession === undefined ? {} : { findSession }),
    ...(findAccount === undefined ? {} : { findAccount }),
    gatewayUrl,
    publicUrl: () => 'http://slipway.test',
    githubId: 'github',
    forges: [{ forgeId: 'github', kind: 'github', baseUrl: 'https://github.test', apiUrl: 'https://api.github.test' }],
    pageDirectory: join(directory, 'page'),
    uploads: createUploads({ root: join(directory, 'uploads'), limitBytes: uploadLimitBytes, now: Date.now }),
    uploadLimitBytes,
    requestsPerMinute,
    release: '1.2.3',
    trustedProxies,
    now,
    logger,
    onRoute: (route) => registered.push(route)
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  address = url
  t.after(async () => {
    await app.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  const api = createStatusApi({ url, token })
  return {
    app,
    registered,
    signIn,
    store,
    forges,
    signals,
    directory,
    scaled,
    givenUpCalls,
    gone,
    isDeployerAway,
    api,
    url
  }
}

export function givenUpCallOf(functionKey: string, id: string): GivenUpCall {
  return {
    functionKey,
    id,
    callId: `call-${id}`,
    method: 'POST',
    path: '/orders',
    bodyBytes: 12,
    attempts: 10,
    reason: 'the function answered 500, after 10 tries',
    acceptedAt: 1,
    givenUpAt: 2
  }
}
