import { mkdir, readdir, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Failure } from '@slipway/domain'
import { lockHolder, tryLock } from './file-lock.ts'

export interface DirectoryLock {
  release(): Promise<void>
}

/**
 * One process at a time works with a state directory. The lock of a process that is gone is taken over.
 *
 * @throws Failure `conflict` naming the process that holds it
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'lock')
  for (;;) {
    const lock = await tryLock(file)
    if (lock !== null) {
      await removeLeftOvers(directory)
      return lock
    }
    const holder = await lockHolder(file)
    if (holder === null) continue // it has ended in between
    const { pid, host } = holder
    const where = host === null || host === hostname() ? '' : ` on ${host}`
    throw new Failure(
      'conflict',
      `process ${pid}${where} already works with ${directory}: stop it, or set SLIPWAY_HOME to another directory`
    )
  }
}

/** What processes left that were killed between the two steps of taking the lock. */
async function removeLeftOvers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!/^lock\.[0-9a-f-]{36}$/.test(name)) continue
    const path = join(directory, name)
    try {
      if (Date.now() - (await stat(path)).mtimeMs > 60_000) await unlink(path)
    } catch (err) {
      if (!(err instanceof Error && 'code' in err && err.code === 'ENOENT')) throw err // another process is as tidy
    }
  }
}
