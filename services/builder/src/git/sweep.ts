import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@slipway/service'
import { removeTree } from './checkout.ts'
import { isLocked, tryLock } from './lock.ts'

const dayMs = 24 * 3600_000

/**
 * Removes the checkouts of builders that are gone, half-made and discarded mirrors, mirrors that nobody used for long,
 * and template checkouts that no pin leads to any more.
 */
export async function sweep(root: string, keepMs: number, now: number, logger: Logger): Promise<void> {
  const removed = [
    ...(await sweepCheckouts(join(root, 'checkouts'))),
    ...(await sweepMirrors(join(root, 'repositories'), keepMs, now)),
    ...(await sweepTemplates(join(root, 'templates'), now))
  ]
  if (removed.length > 0) logger.info({ count: removed.length }, 'left-overs of earlier builders removed')
}

async function sweepCheckouts(directory: string): Promise<string[]> {
  const instances = new Set((await entriesOf(directory)).map(idIn))
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
  const names = await entriesOf(directory)
  const removed: string[] = []
  for (const name of names) {
    const path = join(directory, name)
    if (!(await isLeftOver(path, keepMs, now))) continue
    await using lock = await tryLock(join(directory, `${idIn(name)}.lock`))
    if (lock === null) continue // in use
    await removeTree(path)
    removed.push(path)
  }
  return removed
}

async function isLeftOver(path: string, keepMs: number, now: number): Promise<boolean> {
  if (/\.git\.(?:new|discarded)$/.test(path)) return true
  // What a builder that was killed between two steps of locking leaves.
  if (/\.lock\.[0-9a-f-]{36}$/.test(path)) return (await ageOf(path, now)) > 60_000
  // git writes FETCH_HEAD at every fetch.
  return path.endsWith('.git') && (await ageOf(join(path, 'FETCH_HEAD'), now)) > keepMs
}

async function sweepTemplates(directory: string, now: number): Promise<string[]> {
  const removed: string[] = []
  for (const repository of await entriesOf(directory)) {
    const names = await entriesOf(join(directory, repository))
    const pins = names.filter((name) => name.endsWith('.json')).map((name) => join(directory, repository, name))
    const pinned = (await Promise.all(pins.map((pin) => readFile(pin, 'utf8')))).join('\n')
    for (const name of names) {
      const path = join(directory, repository, name)
      // A build that began before the pin moved may still read it.
      if (name.endsWith('.json') || pinned.includes(name) || (await ageOf(path, now)) < dayMs) continue
      await removeTree(path)
      removed.push(path)
    }
  }
  return removed
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

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch {
    return [] // not made yet
  }
}
