import { randomUUID } from 'node:crypto'
import { link, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const beatMs = 5_000
/** A holder on another machine (or in another container) counts as gone when it was not heard of for so long. */
const silenceMs = 30_000

/** Held by a process of this machine or of another that shares the directory. Ends with its holder, however that ended. */
export interface FileLock extends AsyncDisposable {
  release(): Promise<void>
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
  const token = randomUUID()
  const own = `${file}.${token}`
  const me = { token, host: hostname(), pid: process.pid, startedAt: await startOf(process.pid) }
  await writeFile(own, JSON.stringify(me), { mode: 0o600 })
  try {
    // A link is made whole or not at all: nobody ever reads half a lock.
    if (await isDone(link(own, file), 'EEXIST')) return heldLock(file)
    await removeIfStale(file)
    return (await isDone(link(own, file), 'EEXIST')) ? heldLock(file) : null
  } finally {
    await unlink(own)
  }
}

/** False also for a lock that nobody ever took. */
export async function isLocked(file: string): Promise<boolean> {
  const text = await read(file)
  return text !== null && !(await isStale(file, text))
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

async function removeIfStale(file: string): Promise<void> {
  const text = await read(file)
  if (text === null || !(await isStale(file, text))) return
  const aside = `${file}.${randomUUID()}`
  if (!(await isDone(rename(file, aside), 'ENOENT'))) return
  try {
    // Somebody may have taken over in between: then it was that lock that was moved, and it is put back.
    if ((await read(aside)) !== text) await isDone(link(aside, file), 'EEXIST')
  } finally {
    await unlink(aside)
  }
}

async function isStale(file: string, text: string): Promise<boolean> {
  const holder = parse(text)
  if (holder === null) return true
  if (holder.host === hostname()) return !(await isAlive(holder.pid, holder.startedAt))
  const modifiedMs = await modificationTime(file)
  return modifiedMs !== null && Date.now() - modifiedMs > silenceMs
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

/** When a process began, in the kernel's own count (field 22 of its `stat`): process numbers are used again. */
async function startOf(pid: number): Promise<string | null> {
  const text = await read(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

function parse(text: string): { host: string; pid: number; startedAt: string | null } | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('host' in value)) return null
    if (typeof value.pid !== 'number' || typeof value.host !== 'string') return null
    const startedAt = 'startedAt' in value && typeof value.startedAt === 'string' ? value.startedAt : null
    return { host: value.host, pid: value.pid, startedAt }
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
