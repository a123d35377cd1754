import { setTimeout as sleep } from 'node:timers/promises'
import type Docker from 'dockerode'

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

function isNamed({ RepoTags, RepoDigests }: Docker.ImageInspectInfo): boolean {
  return (RepoTags ?? []).length > 0 || (RepoDigests ?? []).length > 0
}

export function hasStatus(err: unknown, status: number): boolean {
  return err instanceof Error && 'statusCode' in err && err.statusCode === status
}
