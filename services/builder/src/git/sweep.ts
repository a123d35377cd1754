import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { lockHolder, tryLock } from '@slipway/service/file-lock'
import { removeTree } from './checkout.ts'

const dayMs = 24 * 3600_000

export interface Swept {
  count: number
  bytes: number
}

/** What is kept of mirrors: those used within the last `ms`, and of these the last used ones that fit into `bytes`. */
export interface KeepMirrors {
  ms: number
  bytes: number
}

/**
 * Removes the checkouts of builders that are gone, half-made and discarded mirrors, mirrors beyond what is kept,
 * and template checkouts that no pin leads to any more. What a living builder uses is locked, and stays.
 */
export async function sweep(root: string, keep: KeepMirrors, now: number, signal: AbortSignal): Promise<Swept> {
  const removed: Swept = { count: 0, bytes: 0 }
  const remove: Remove = async (path) => {
    signal.throwIfAborted()
    removed.bytes += await sizeOf(path)
    await removeTree(path)
    removed.count += 1
  }
  await sweepCheckouts(join(root, 'checkouts'), remove)
  await sweepMirrors(join(root, 'repositories'), keep, now, remove)
  await sweepTemplates(join(root, 'templates'), now, remove)
  return removed
}

type Remove = (path: string) => Promise<void>

async function sweepCheckouts(directory: string, remove: Remove): Promise<void> {
  const instances = new Set((await entriesOf(directory)).map(idIn))
  for (const instance of instances) {
    const path = join(directory, instance)
    if ((await lockHolder(`${path}.lock`)) !== null) continue
    await remove(path)
    await removeTree(`${path}.lock`)
  }
}

async function sweepMirrors(directory: string, keep: KeepMirrors, now: number, remove: Remove): Promise<void> {
  const names = await entriesOf(directory)
  const removeUnlessUsed = async (name: string) => {
    await using lock = await tryLock(join(directory, `${idIn(name)}.lock`))
    if (lock !== null) await remove(join(directory, name))
  }
  const mirrors: { name: string; ageMs: number }[] = []
  for (const name of names) {
    const path = join(directory, name)
    // git writes FETCH_HEAD at every fetch.
    const ageMs = name.endsWith('.git') ? await ageOf(join(path, 'FETCH_HEAD'), now) : 0
    if (ageMs > keep.ms || (await isLeftOver(path, now))) await removeUnlessUsed(name)
    else if (name.endsWith('.git')) mirrors.push({ name, ageMs })
  }
  if (keep.bytes === Infinity) return
  let bytes = 0
  for (const { name } of mirrors.toSorted((a, b) => a.ageMs - b.ageMs)) {
    bytes += await sizeOf(join(directory, name))
    if (bytes > keep.bytes) await removeUnlessUsed(name)
  }
}

async function isLeftOver(path: string, now: number): Promise<boolean> {
  if (/\.git\.(?:new|discarded)$/.test(path)) return true
  // What a builder that was killed between two steps of locking leaves.
  return /\.lock\.[0-9a-f-]{36}$/.test(path) && (await ageOf(path, now)) > 60_000
}

async function sweepTemplates(directory: string, now: number, remove: Remove): Promise<void> {
  for (const repository of await entriesOf(directory)) {
    const names = await entriesOf(join(directory, repository))
    const pins = names.filter((name) => name.endsWith('.json')).map((name) => join(directory, repository, name))
    const pinned = (await Promise.all(pins.map((pin) => readFile(pin, 'utf8')))).join('\n')
    for (const name of names) {
      const path = join(directory, repository, name)
      // A build that began before the pin moved may still read it.
      if (name.endsWith('.json') || pinned.includes(name) || (await ageOf(path, now)) < dayMs) continue
      await remove(path)
    }
  }
}

/** The part before the first dot: ids hold none. */
function idIn(name: string): string {
  return name.split('.')[0] ?? name
}

/** Milliseconds since it was last changed; 0 when it is not there. */
async function ageOf(path: string, now: number): Promise<number> {
  try {
    return now - (await stat(path)).mtimeMs
  } catch {
    return 0
  }
}

/** Bytes of the files in it; what goes away meanwhile does not count. */
export async function sizeOf(path: string): Promise<number> {
  let bytes = 0
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile()) continue
    bytes += await stat(join(entry.parentPath, entry.name)).then(
      ({ size }) => size,
      () => 0
    )
  }
  return bytes
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch {
    return [] // not made yet
  }
}
