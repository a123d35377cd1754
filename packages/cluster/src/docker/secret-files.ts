import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, chmod, mkdir, readdir, readFile, rename, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Deployment } from '@slipway/domain'

export interface SecretFilesOptions {
  /** Where they are written: nobody but its owner may look into it, and the engine must see it under the same path. */
  directory: string
  /** The files of a deployment's secrets, by name. */
  filesOf(deployment: Deployment): Promise<ReadonlyMap<string, Uint8Array>>
  now: () => number
}

/** Secrets as files that containers have mounted: a directory for each deployment. */
export interface SecretFiles {
  /** Writes them, before a container starts that has them: after a reboot they may be gone. Nothing for a deployment without. */
  write(deployment: Deployment): Promise<void>
  /** What a container mounts; null for a deployment without secrets. */
  pathOf(deployment: Deployment): string | null
  remove(deploymentId: string): Promise<void>
  /** Removes what no deployment has any more: a process may have died between its containers' end and this. */
  sweep(isKept: (deploymentId: string) => boolean): Promise<void>
  /** For `doctor`. */
  describe(): Promise<string>
}

/** What another process writes at this moment has no container yet. */
const sweepAfterMs = 3600_000

export function createSecretFiles({ directory, filesOf, now }: SecretFilesOptions): SecretFiles {
  const pathOf = (deploymentId: string) => join(directory, encodeURIComponent(deploymentId))

  return {
    async write(deployment) {
      if (deployment.secrets.length === 0) return
      const files = await filesOf(deployment)
      const path = pathOf(deployment.id)
      // Only the way to it is closed: within, it is read by whoever the function is.
      await mkdir(directory, { recursive: true })
      await chmod(directory, 0o700)
      await mkdir(path, { recursive: true })
      await chmod(path, 0o755)
      for (const [name, content] of files) await writeOnce(join(path, name), content)
      for (const name of await readdir(path)) if (!files.has(name)) await rm(join(path, name), { force: true })
      await utimes(path, now() / 1000, now() / 1000)
    },
    pathOf: ({ id, secrets }) => (secrets.length === 0 ? null : pathOf(id)),
    remove: (deploymentId) => rm(pathOf(deploymentId), { recursive: true, force: true }),
    async sweep(isKept) {
      for (const name of await list(directory)) {
        const deploymentId = decodeURIComponent(name)
        if (isKept(deploymentId)) continue
        const stats = await stat(join(directory, name)).catch(() => null) // somebody else was quicker
        if (stats !== null && now() - stats.mtimeMs > sweepAfterMs) await this.remove(deploymentId)
      }
    },
    async describe() {
      const parent = dirname(directory)
      const isMemory = (await isInMemory(directory)) ?? (await isInMemory(parent)) ?? false
      return `written as files below ${parent}, ${isMemory ? 'in memory' : 'on disk'}`
    }
  }
}

/** A running container has the directory mounted: it is not put in place anew, and what is in it does not change. */
async function writeOnce(path: string, content: Uint8Array): Promise<void> {
  const there = await readFile(path).catch(() => null) // not there, or not whole: then it is written
  if (there?.equals(content)) return
  const temporary = `${path}.${randomUUID()}`
  await writeFile(temporary, content, { mode: 0o444 })
  await chmod(temporary, 0o444)
  await rename(temporary, path)
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw err
  }
}

/** `TMPFS_MAGIC` and `RAMFS_MAGIC` of Linux. */
const memoryFileSystems = [0x01021994, 0x858458f6]

/** null when it is not there. */
async function isInMemory(path: string): Promise<boolean | null> {
  try {
    return memoryFileSystems.includes((await statfs(path)).type)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw err
  }
}

/**
 * Where functions' secrets are written: in memory where this machine has a directory for such things, else `fallback`.
 *
 * @param candidates directories that may be in memory: `/run`, the user's own below it
 */
export async function secretsDirectoryOf(
  installation: string,
  candidates: readonly string[],
  fallback: string
): Promise<string> {
  for (const candidate of candidates) {
    if (!((await isInMemory(candidate)) ?? false)) continue
    try {
      await access(candidate, constants.W_OK)
      return join(candidate, `slipway-${installation}`)
    } catch {
      continue // not this user's
    }
  }
  return fallback
}
