import { Failure } from '@slipway/domain'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import type { KubernetesApi } from './api.ts'
import type { Apply } from './apply.ts'
import { type KubernetesPolicy, namespaceName } from './owned-object.ts'
import { namespaceOf, ownerObjects } from './owner-objects.ts'

export interface OwnersDeps {
  api: KubernetesApi
  apply: Apply
  policy: KubernetesPolicy
  /** What pods pull with, as a Docker configuration; null: nothing. */
  registries: string | null
  logger: ClusterLogger
  monotonicNow: () => number
}

/** What owners' functions stand on: their namespaces, and who may reach what, use how much and pull with which password there. */
export interface Owners {
  /** @throws Failure `forbidden` for a namespace of that name that is somebody else's. */
  ensure(ownerSlug: string, signal: AbortSignal): Promise<void>
  /**
   * These have functions: each that was not looked at for an hour is put right, one after the other, while the caller goes on. So a
   * setting that changed holds for those who push nothing, too, and what somebody changed by hand does not for long.
   */
  look(ownerSlugs: Iterable<string>): void
  close(): Promise<void>
}

const againMs = 3_600_000

export function createOwners({ api, apply, policy, registries, logger, monotonicNow }: OwnersDeps): Owners {
  const core = api.config.makeApiClient(api.client.CoreV1Api)
  const closing = new AbortController()
  const ensuredAt = new Map<string, number>()
  let looking: Promise<void> | null = null

  async function ensureNamespace(ownerSlug: string, signal: AbortSignal): Promise<void> {
    const name = namespaceName(ownerSlug)
    const found = await api
      .call(`read namespace ${name}`, signal, (settings) => core.readNamespace({ name }, settings))
      .catch((err: unknown) => {
        if (err instanceof Failure && err.code === 'not-found') return null
        throw err
      })
    if (found !== null && found.metadata?.labels?.[labels.installation] !== policy.installation) {
      throw new Failure(
        'forbidden',
        `the namespace ${name} is not of this installation: remove it, or give the owner another name`
      )
    }
    if (found?.metadata?.deletionTimestamp !== undefined) {
      throw new Failure('unavailable', `the namespace ${name} is being removed: it is tried again`)
    }
    await apply(namespaceOf(ownerSlug, policy), signal)
  }

  async function ensure(ownerSlug: string, signal: AbortSignal): Promise<void> {
    await ensureNamespace(ownerSlug, signal)
    const shared = ownerObjects(ownerSlug, policy, registries)
    await Promise.all(shared.map((object) => apply(object, signal)))
    ensuredAt.set(ownerSlug, monotonicNow())
  }

  async function putRight(ownerSlugs: string[]): Promise<void> {
    for (const owner of ownerSlugs) {
      try {
        await ensure(owner, closing.signal)
      } catch (err) {
        if (closing.signal.aborted) return
        logger.warn({ err, owner }, 'what the functions of an owner stand on could not be put right, it is tried again')
      }
    }
  }

  return {
    ensure,
    look(ownerSlugs) {
      if (looking !== null || closing.signal.aborted) return
      const due = [...new Set(ownerSlugs)].filter((owner) => {
        const at = ensuredAt.get(owner)
        return at === undefined || monotonicNow() - at > againMs
      })
      if (due.length === 0) return
      looking = putRight(due).finally(() => (looking = null))
    },
    async close() {
      closing.abort()
      await looking
    }
  }
}
