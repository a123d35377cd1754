import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rmdir, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'

export interface DirectoryLock {
  release(): Promise<void>
}

interface Holder {
  pid: number
  /** When the process began, in the kernel's own count: a process number is used again. null where the kernel does not tell. */
  startedAt: string | null
}

/**
 * One process at a time works with a state directory. The lock of a process that is gone is taken over.
 *
 * @throws Failure `conflict` naming the process that holds it
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'lock')
  const own = `${file}.${randomUUID()}`
  const me: Holder = { pid: process.pid, startedAt: await startOf(process.pid) }
  await writeFile(own, JSON.stringify(me))
  try {
    // A link is made whole or not at all, so that nobody ever reads half a lock.
    while (!(await isDone(link(own, file), 'EEXIST'))) await removeIfStale(file, directory)
  } finally {
    await unlink(own)
  }
  await removeLeftOvers(directory)
  let isReleased = false
  return {
    async release() {
      if (isReleased) return
      isReleased = true
      await unlink(file)
    }
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
      if (!hasCode(err, 'ENOENT')) throw err // another process is as tidy
    }
  }
}

/** @throws Failure `conflict` while the holder lives */
async function removeIfStale(file: string, directory: string): Promise<void> {
  const text = await readLock(file)
  if (text === null) return
  const holder = parseHolder(text)
  if (holder !== null && (await isAlive(holder))) {
    throw new Failure(
      'conflict',
      `process ${holder.pid} already works with ${directory}: stop it, or set SLIPWAY_HOME to another directory`
    )
  }
  // Several may have seen the same stale lock. One at a time looks again and removes it, so that nobody removes a new one.
  const guard = `${file}.takeover`
  if (!(await isDone(mkdir(guard), 'EEXIST'))) return waitForGuard(guard)
  try {
    if ((await readLock(file)) === text) await unlink(file)
  } finally {
    await rmdir(guard)
  }
}

/** A takeover takes moments: one that is older was cut short, and is cleared away. */
async function waitForGuard(guard: string): Promise<void> {
  await sleep(10)
  try {
    if (Date.now() - (await stat(guard)).mtimeMs > 10_000) await rmdir(guard)
  } catch (err) {
    if (!hasCode(err, 'ENOENT')) throw err
  }
}

async function readLock(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (err) {
    if (hasCode(err, 'ENOENT')) return null
    throw err
  }
}

function parseHolder(text: string): Holder | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return null
    const startedAt = 'startedAt' in value && typeof value.startedAt === 'string' ? value.startedAt : null
    return { pid: value.pid, startedAt }
  } catch {
    return null // not a lock of ours: nobody holds it
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0)
  } catch (err) {
    return hasCode(err, 'EPERM') // it exists, but belongs to another user
  }
  const startedAt = await startOf(holder.pid)
  return holder.startedAt === null || startedAt === null || startedAt === holder.startedAt
}

/** Field 22 of /proc/<pid>/stat; the second field is in parentheses and may contain anything. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null // not Linux, or gone
  }
}

async function isDone(work: Promise<void>, expected: string): Promise<boolean> {
  try {
    await work
    return true
  } catch (err) {
    if (hasCode(err, expected)) return false
    throw err
  }
}

function hasCode(err: unknown, code: string): boolean {
  return err instanceof Error && 'code' in err && err.code === code
}
