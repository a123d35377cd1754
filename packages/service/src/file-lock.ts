import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const beatMs = 5_000
/** A holder on another machine (or in another container) counts as gone when it was not heard of for so long. */
const silenceMs = 30_000

/** Held by a process of this machine or of another that shares the directory. Ends with its holder, however that ended. */
export interface FileLock extends AsyncDisposable {
  release(): Promise<void>
}

export interface LockHolder {
  /** null: this machine, as earlier versions wrote it. */
  host: string | null
  pid: number
  /** When the process began, in the kernel's own count: a process number is used again. null where the kernel does not tell. */
  startedAt: string | null
}

/** Takes the lock, waiting for whoever holds it. */
export async function waitForLock(file: string, signal: AbortSignal): Promise<FileLock> {
  for (let waitMs = 5; ; waitMs = Math.min(waitMs * 2, 100)) {
    signal.throwIfAborted()
    const lock = await tryLock(file)
    if (lock !== null) return lock
    await sleep(waitMs)
  }
}

/** Takes the lock unless somebody holds it. */
export async function tryLock(file: string): Promise<FileLock | null> {
  const own = `${file}.${randomUUID()}`
  const me: LockHolder = { host: hostname(), pid: process.pid, startedAt: await startOf(process.pid) }
  await writeFile(own, JSON.stringify(me), { mode: 0o600 })
  try {
    // A link is made whole or not at all: nobody ever reads half a lock.
    while (!(await isDone(link(own, file), 'EEXIST'))) {
      if ((await lockHolder(file)) !== null) return null
      await removeStale(file)
    }
    return heldLock(file)
  } finally {
    await unlink(own)
  }
}

/** Who holds it; null also for a lock that nobody ever took. */
export async function lockHolder(file: string): Promise<LockHolder | null> {
  const text = await read(file)
  return text === null ? null : holderIn(text, file)
}

async function holderIn(text: string, file: string): Promise<LockHolder | null> {
  const holder = parse(text)
  return holder !== null && (await isThere(holder, file)) ? holder : null
}

function heldLock(file: string): FileLock {
  const beat = setInterval(() => {
    const now = new Date()
    // A missed beat is made good by the next one; only a taken-over lock is gone for good.
    utimes(file, now, now).catch(() => clearInterval(beat))
  }, beatMs)
  beat.unref()
  let released: Promise<void> | null = null
  const release = () => {
    clearInterval(beat)
    released ??= isDone(unlink(file), 'ENOENT').then(() => undefined)
    return released
  }
  return { release, [Symbol.asyncDispose]: release }
}

/** Several may have seen the same stale lock. One at a time looks again and removes it, so that nobody removes a new one. */
async function removeStale(file: string): Promise<void> {
  const guard = `${file}.takeover`
  if (!(await isDone(mkdir(guard), 'EEXIST'))) return waitForGuard(guard)
  try {
    // Only one that is still there: where there is none, somebody may take it between the look and the removal.
    const text = await read(file)
    if (text !== null && (await holderIn(text, file)) === null) await isDone(unlink(file), 'ENOENT')
  } finally {
    await rmdir(guard)
  }
}

/** A takeover takes moments: one that is older was cut short, and is cleared away. */
async function waitForGuard(guard: string): Promise<void> {
  await sleep(10)
  const modifiedMs = await modificationTime(guard)
  if (modifiedMs !== null && Date.now() - modifiedMs > 10_000) await isDone(rmdir(guard), 'ENOENT')
}

async function isThere({ host, pid, startedAt }: LockHolder, file: string): Promise<boolean> {
  if (host === null || host === hostname()) return isAlive(pid, startedAt)
  const modifiedMs = await modificationTime(file)
  return modifiedMs !== null && Date.now() - modifiedMs <= silenceMs
}

async function isAlive(pid: number, startedAt: string | null): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (err) {
    return hasCode(err, 'EPERM') // it exists, and belongs to another user
  }
  const actual = await startOf(pid)
  return startedAt === null || actual === null || actual === startedAt
}

/** Field 22 of `/proc/<pid>/stat`; the second field is in parentheses and may contain anything. */
async function startOf(pid: number): Promise<string | null> {
  const text = await read(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

function parse(text: string): LockHolder | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return null
    const textOf = (name: string) => {
      const field = (value as Record<string, unknown>)[name]
      return typeof field === 'string' ? field : null
    }
    return { host: textOf('host'), pid: value.pid, startedAt: textOf('startedAt') }
  } catch {
    return null // not one of ours: nobody holds it
  }
}

async function read(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (err) {
    if (hasCode(err, 'ENOENT') || hasCode(err, 'ESRCH')) return null
    throw err
  }
}

async function modificationTime(file: string): Promise<number | null> {
  try {
    return (await stat(file)).mtimeMs
  } catch (err) {
    if (hasCode(err, 'ENOENT')) return null
    throw err
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
