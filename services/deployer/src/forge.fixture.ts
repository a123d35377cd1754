import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  Failure,
  type ForgeApi,
  type FoundRepository,
  type MissedDelivery,
  type ReceivedDelivery,
  type Repository
} from '@slipway/domain'
import { createStore } from '@slipway/store'
import { createConnections } from './connections.ts'
import { logger, never } from './deployer.fixture.ts'

/** When these tests begin; they pass time themselves. */
export const start = 1_000_000_000

/** A forge that is only memory: what it knows is changed directly, and it can be told to fail. */
export function createFakeForge(forgeId = 'github') {
  const state = {
    identity: 'app/1',
    repositories: new Map<string, FoundRepository>(),
    /** Repository id and ref to commit. */
    heads: new Map<string, string>(),
    installations: new Map<string, { isSuspended: boolean }>([['3', { isSuspended: false }]]),
    missed: [] as { missed: MissedDelivery; delivery: ReceivedDelivery | Failure | null }[],
    /** Thrown by every call while it stands. */
    failure: null as Failure | null,
    calls: [] as string[]
  }
  const called = (call: string) => {
    state.calls.push(call)
    if (state.failure !== null) throw state.failure
  }
  const unused = () => {
    throw new Error('nobody should call this')
  }
  const api: ForgeApi = {
    instance: { forgeId, kind: 'github', baseUrl: 'http://forge.test', apiUrl: 'http://forge.test/api' },
    app: null,
    standing: () => ({ limits: [], lastError: null }),
    cloneUrl: unused,
    repositoryUrl: unused,
    commitUrl: unused,
    readCredential: unused,
    report: unused,
    async findRepository({ forgeRepositoryId }) {
      called(`repository ${forgeRepositoryId}`)
      return state.repositories.get(forgeRepositoryId) ?? null
    },
    async findHead({ forgeRepositoryId }, ref) {
      called(`head ${forgeRepositoryId} ${ref}`)
      return state.heads.get(`${forgeRepositoryId} ${ref}`) ?? null
    },
    async findInstallation(id) {
      called(`installation ${id}`)
      const found = state.installations.get(id)
      if (found === undefined) return null
      const seen = [...state.repositories.values()].filter(({ installationId }) => installationId === id)
      return { ...found, repositories: found.isSuspended ? [] : seen }
    },
    async identity() {
      called('identity')
      return state.identity
    },
    async missedDeliveries(since) {
      called('missed')
      return state.missed.map(({ missed }) => missed).filter(({ deliveredAt }) => deliveredAt >= since)
    },
    async fetchDelivery({ attemptId }) {
      called(`delivery ${attemptId}`)
      const found = state.missed.find(({ missed }) => missed.attemptId === attemptId)?.delivery ?? null
      if (found instanceof Failure) throw found
      return found
    }
  }
  return { api, state }
}

/** A store in a file, a forge in memory, and a clock that stands until it is told to go on. */
export async function createScene(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-reconciler-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  let time = start
  const now = () => time
  const { api: forge, state } = createFakeForge()
  let queued = 0
  const common = {
    store,
    forge,
    forges: new Map([['github', forge]]),
    installationBranch: null,
    isLeader: () => true,
    queued: () => {
      queued += 1
    },
    now,
    monotonicNow: now,
    logger
  }
  const connections = createConnections(common)
  const opened: { close(): Promise<void> }[] = []
  t.after(async () => {
    for (const one of opened) await one.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  /** A repository at the forge and here, whose branch `main` is at `commit`. */
  async function repository(id: number, commit: string | null, change: Partial<FoundRepository> = {}) {
    const found: FoundRepository = {
      forgeRepositoryId: String(id),
      name: `r${id}`,
      fullName: `alice/r${id}`,
      defaultBranch: 'main',
      isPrivate: false,
      owner: { forgeOwnerId: '1', login: 'alice' },
      installationId: '3',
      isArchived: false,
      connection: 'there',
      ...change
    }
    state.repositories.set(String(id), found)
    if (commit !== null) state.heads.set(`${id} refs/heads/main`, commit)
    const seenBy = { identity: state.identity, isConnectionSeen: true }
    return store.repositories.connect('github', { ...found, owner: found.owner as never }, now(), seenBy)
  }

  /** The repository's head was observed and its build ended. */
  async function observe({ id: repositoryId }: Pick<Repository, 'id'>, commit: string, ref = 'refs/heads/main') {
    const asked = { repositoryId, ref, commit, before: null, trigger: 'push' as const, message: null, sender: null }
    const build = await store.builds.queue({ ...asked, noCache: false }, now())
    await store.builds.claim(build.id, 'w', 60_000, now())
    await store.builds.observe(build.id, 'w', now())
    await store.builds.finish(build.id, 'w', { status: 'superseded', reason: null }, now())
  }

  return {
    ...common,
    common,
    state,
    connections,
    repository,
    observe,
    opened,
    queuedCount: () => queued,
    pass(ms: number) {
      time += ms
    },
    waiting: async () =>
      (await store.builds.list(null, { status: 'queued' }, { before: null, limit: 1000 }))
        .map(({ commit, trigger }) => `${trigger} ${commit[0]}`)
        .toSorted(),
    signal: never
  }
}
