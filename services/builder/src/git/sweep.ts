import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@slipway/service'
import { removeTree } from './checkout.ts'
import { isLocked, tryLock } from './lock.ts'

/** Removes the checkouts of builders that are gone, half-made and discarded mirrors, and mirrors that nobody used for long. */
export async function sweep(root: string, keepMs: number, now: number, logger: Logger): Promise<void> {
  const removed = [
    ...(await sweepCheckouts(join(root, 'checkouts'))),
    ...(await sweepMirrors(join(root, 'repositories'), keepMs, now))
  ]
  if (removed.length > 0) logger.info({ count: removed.length }, 'left-overs of earlier builders removed')
}

async function sweepCheckouts(directory: string): Promise<string[]> {
  const instances = new Set((await readdir(directory)).map((name) => name.split('.')[0] ?? name))
  const removed: string[] = []
  for (const instance of instances) {
    const path = join(directory, instance)
    if (await isLocked(`${path}.lock`)) continue
    await removeTree(path)
    await removeTree(`${path}.lock`)
    removed.push(path)
  }
  return removed
}

async function sweepMirrors(directory: string, keepMs: number, now: number): Promise<string[]> {
  const removed: string[] = []
  const ids = new Set((await readdir(directory)).map((name) => name.split('.')[0] ?? name))
  for (const id of ids) {
    const path = join(directory, id)
    await using lock = await tryLock(`${path}.lock`)
    if (lock === null) continue // in use
    const parts = [`${path}.git.new`, `${path}.git.discarded`]
    const usedAt = await lastUse(`${path}.git`)
    if (usedAt !== null && now - usedAt > keepMs) parts.push(`${path}.git`)
    for (const part of parts) await removeTree(part)
    if (parts.length > 2) removed.push(path)
  }
  return removed
}

/** git writes FETCH_HEAD at every fetch. */
async function lastUse(mirror: string): Promise<number | null> {
  try {
    return (await stat(join(mirror, 'FETCH_HEAD'))).mtimeMs
  } catch {
    return null // never fetched
  }
}
