import {
  type Build,
  type BuildFunction,
  Failure,
  type FailureCode,
  imageFolderName,
  imageFunctionOf,
  isTerminal,
  type Repository,
  type Store,
  uploadForgeId,
  type Whose
} from '@slipway/domain'
import type { Uploads } from '@slipway/source'
import { requestOfStack } from './image-stack.ts'
import type { FunctionDeployment } from './shapes.ts'

/** An image that was taken to be deployed, of which no version is live: it is on its way, or could not be deployed. */
export interface Underway {
  repository: Repository
  build: Build
  request: FunctionDeployment
  /** Its version that starts; null: it has not come to that. */
  deploymentId: string | null
  /** Why it will not come up, in words and, where it is known, for programs; null: it may still. */
  failure: { words: string; code: FailureCode | null } | null
}

const most = { before: null, limit: 10_000 } as const

/**
 * To OpenFaaS a function is there as soon as its deployment is taken, and until it is removed. Here it is live once it is
 * ready: what comes before that, or in its place, is found here.
 */
export function createUnderway({
  store,
  uploads
}: {
  store: Pick<Store, 'repositories' | 'builds'>
  uploads: Pick<Uploads, 'read'>
}) {
  async function requestOf({ commit }: Build, name: string, signal: AbortSignal): Promise<FunctionDeployment | null> {
    try {
      const stack = await uploads.read(commit, 'stack.yml', signal)
      return stack === null ? null : requestOfStack(stack.toString('utf8'), name)
    } catch (err) {
      // It failed long ago: what was sent is not kept for ever.
      if (err instanceof Failure && err.code === 'commit-not-found') return null
      throw err
    }
  }

  async function of(repository: Repository, name: string, signal: AbortSignal): Promise<Underway | null> {
    if (repository.removedAt !== null) return null
    const [build] = await store.builds.list(null, { repositoryId: repository.id }, { before: null, limit: 1 })
    if (build === undefined || build.cancelRequestedAt !== null) return null
    const hasFailed = build.status === 'failed' || build.status === 'error'
    if (isTerminal(build.status) && !hasFailed) return null
    const request = await requestOf(build, name, signal)
    if (request === null) return null
    const part = (await store.builds.functions(build.id)).find((one: BuildFunction) => one.name === name)
    const words = part?.reason ?? build.reason ?? `its build ended as ${build.status}`
    const failure = hasFailed ? { words, code: await store.builds.failureCode(build.id) } : null
    return { repository, build, request, deploymentId: part?.deploymentId ?? null, failure }
  }

  return {
    async find(ownerId: string, name: string, signal: AbortSignal): Promise<Underway | null> {
      const repository = await this.folder(ownerId, name)
      return repository === null ? null : of(repository, name, signal)
    },
    /** @param isLive by owner and name */
    async list(
      whose: Whose,
      isLive: (ownerId: string, name: string) => boolean,
      signal: AbortSignal
    ): Promise<Underway[]> {
      const found: Underway[] = []
      for (const repository of await store.repositories.list(whose, most)) {
        const name = imageFunctionOf(repository)
        if (name === null || repository.ownerId === null || isLive(repository.ownerId, name)) continue
        const one = await of(repository, name, signal)
        if (one !== null) found.push(one)
      }
      return found
    },
    /** What a function's images are deployed as; null: none ever was. */
    folder: (ownerId: string, name: string): Promise<Repository | null> =>
      store.repositories.findByForge(uploadForgeId, `${ownerId}/${imageFolderName(name)}`)
  }
}

export type UnderwayImages = ReturnType<typeof createUnderway>
