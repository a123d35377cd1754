import { setTimeout as sleep } from 'node:timers/promises'
import { orAborted } from '@slipway/service'
import type Docker from 'dockerode'
import { dial } from './dial.ts'

const tries = 20

/**
 * Removes what a build with the classic builder that came to nothing made on the way. Only images without a name that were made
 * since the build began: a step can print any id, but it cannot know one of another build.
 */
export async function removeIntermediateImages(docker: Docker, ids: string[], startedAt: number): Promise<void> {
  for (const id of ids.toReversed()) await removeUnnamed(docker, id, startedAt)
}

async function removeUnnamed(docker: Docker, id: string, since: number): Promise<void> {
  for (let attempt = 1; attempt <= tries; attempt++) {
    try {
      const image = await docker.getImage(id).inspect()
      // The engine's clock may be another machine's.
      if (isNamed(image) || Date.parse(image.Created) < since - 1000) return
      await docker.getImage(id).remove({ noprune: true })
      return
    } catch (err) {
      // 404: gone. 409: the engine is still ending the step that runs on it, or another build continues from it.
      if (!hasStatus(err, 409) || attempt === tries) return
      await sleep(100)
    }
  }
}

/**
 * Images of ours that nothing names any more: their name went to a newer build of the same key, or their builder died.
 * One that was pushed still has its digest: a deployment may run from it.
 */
export async function removeUnnamedImages(docker: Docker, installation: string): Promise<number> {
  const filters = { dangling: ['true'], label: [`com.slipway.installation=${installation}`] }
  let removed = 0
  for (const { Id } of await docker.listImages({ filters })) {
    try {
      if (isNamed(await docker.getImage(Id).inspect())) continue
      await docker.getImage(Id).remove()
      removed += 1
    } catch (err) {
      if (!hasStatus(err, 404) && !hasStatus(err, 409)) throw err // gone meanwhile, or in use
    }
  }
  return removed
}

export interface Unneeded {
  /** `host/path@sha256:…` */
  needed: ReadonlySet<string>
  /** Epoch milliseconds. A younger name may be of a build that has not pushed yet. */
  namedBefore: number
}

/** Images that carry our label and that neither a deployment nor a build needs. The registry has them as long as they are kept. */
export async function removeUnneededImages(
  docker: Docker,
  installation: string,
  { needed, namedBefore }: Unneeded,
  signal: AbortSignal
): Promise<number> {
  const filters = { label: [`com.slipway.installation=${installation}`] }
  let removed = 0
  for (const { Id } of await orAborted(docker.listImages({ filters }), signal)) {
    signal.throwIfAborted()
    try {
      const image = await docker.getImage(Id).inspect()
      const isNeeded = (image.RepoDigests ?? []).some((name) => needed.has(name))
      if (isNeeded || !isNamed(image) || lastNamedAt(image) > namedBefore) continue
      // By its names, so that one that a container runs from stays whole: the last name of such an image is refused.
      for (const name of [...(image.RepoTags ?? []), ...(image.RepoDigests ?? [])]) await removeName(docker, name)
      removed += 1
    } catch (err) {
      if (!hasStatus(err, 404) && !hasStatus(err, 409)) throw err // gone meanwhile, or in use
    }
  }
  return removed
}

async function removeName(docker: Docker, name: string): Promise<void> {
  try {
    await docker.getImage(name).remove()
  } catch (err) {
    if (!hasStatus(err, 404)) throw err // it went with another of its names
  }
}

/** A cached build gives an image the time of what it was made from; when it was named is another matter. */
function lastNamedAt({ Created, ...image }: Docker.ImageInspectInfo): number {
  const { LastTagTime: named } = (image as { Metadata?: { LastTagTime?: string } }).Metadata ?? {}
  return Math.max(Date.parse(Created), named === undefined ? 0 : Date.parse(named))
}

/** https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/BuildPrune */
export async function pruneBuildCache(
  docker: Docker,
  keepBytes: number,
  signal: AbortSignal
): Promise<{ count: number; bytes: number }> {
  const answer = await dial<{ CachesDeleted?: string[] | null; SpaceReclaimed?: number }>(docker, {
    method: 'POST',
    path: '/build/prune?',
    options: { 'keep-storage': keepBytes },
    abortSignal: signal,
    statusCodes: { 200: true }
  })
  return { count: answer.CachesDeleted?.length ?? 0, bytes: answer.SpaceReclaimed ?? 0 }
}

/**
 * What its build cache takes, of which images in use share nothing. An engine before API version 1.42 takes no notice of the type, and
 * measures everything that it has.
 *
 * https://docs.docker.com/reference/api/engine/version/v1.42/#tag/System/operation/SystemDataUsage
 */
export async function buildCacheBytes(docker: Docker, signal: AbortSignal): Promise<number> {
  const answer = await dial<{ BuildCache?: { Size?: number; Shared?: boolean }[] | null }>(docker, {
    method: 'GET',
    path: '/system/df?',
    options: { type: 'build-cache' },
    abortSignal: signal,
    statusCodes: { 200: true }
  })
  return (answer.BuildCache ?? []).reduce((sum, { Size = 0, Shared = false }) => sum + (Shared ? 0 : Size), 0)
}

function isNamed({ RepoTags, RepoDigests }: Docker.ImageInspectInfo): boolean {
  return (RepoTags ?? []).length > 0 || (RepoDigests ?? []).length > 0
}

export function hasStatus(err: unknown, status: number): boolean {
  return err instanceof Error && 'statusCode' in err && err.statusCode === status
}
