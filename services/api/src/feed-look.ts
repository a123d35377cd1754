import type { Build, DeliveryRecord, Store } from '@slipway/domain'
import type { News } from './feed-events.ts'

const newest = 50
const remembered = 2000

export type LookStore = Pick<Store, 'builds' | 'deliveries' | 'repositories'>

/** Looks at the newest builds and deliveries and tells what is not as it was when it was looked at before. */
export function createLook(store: LookStore, tell: (news: News) => void) {
  const told = new Map<string, string>()
  /** The first look only learns what is there. */
  let isFirst = true

  function tellOnce(key: string, state: string, news: News): void {
    if (told.get(key) === state) return
    told.delete(key)
    told.set(key, state)
    const [oldest] = told.keys()
    if (told.size > remembered && oldest !== undefined) told.delete(oldest)
    if (!isFirst) tell(news)
  }

  async function lookAtBuild(build: Build): Promise<void> {
    const { id: buildId, ownerId, repositoryId, status } = build
    const parts = await store.builds.functions(buildId)
    const states = parts.map((part) => `${part.name}:${part.status}`)
    const state = [status, build.attempt, build.reason, build.startedAt, build.cancelRequestedAt, ...states].join(' ')
    const repository = await store.repositories.get(repositoryId)
    const about = { ownerId, repository, buildId }
    tellOnce(`build ${buildId}`, state, { kind: 'build', ...about, functionName: null, status })
    for (const { name, status } of parts) {
      if (status === 'live' || status === 'removed')
        tellOnce(`function ${buildId} ${name}`, status, { kind: 'function', ...about, functionName: name, status })
    }
  }

  async function lookAtDelivery({ id, repositoryId, buildId, outcome }: DeliveryRecord): Promise<void> {
    const repository = repositoryId === null ? null : await store.repositories.get(repositoryId)
    const about = { ownerId: repository?.ownerId ?? null, repository, buildId, functionName: null }
    tellOnce(`delivery ${id}`, outcome, { kind: 'delivery', ...about, status: outcome })
  }

  return {
    async atBuild(id: string): Promise<void> {
      const build = await store.builds.get(id)
      if (build !== null) await lookAtBuild(build)
    },
    async atNewest(): Promise<void> {
      const page = { before: null, limit: newest }
      // Oldest first, as it happened.
      for (const delivery of (await store.deliveries.list(null, page)).toReversed()) await lookAtDelivery(delivery)
      for (const build of (await store.builds.list(null, {}, page)).toReversed()) await lookAtBuild(build)
      isFirst = false
    }
  }
}
