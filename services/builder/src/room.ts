import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RoomUse } from '@slipway/domain'
import { createLoop, type Logger } from '@slipway/service'
import { sizeOf } from './git/sweep.ts'

export interface RoomDeps {
  /** The state directory. */
  root: string
  /** What each of its folders is cut to, in bytes; what is not named is not cut by size. */
  limits: Readonly<Record<string, number>>
  /** Every file is looked at: not at once, and not often. */
  firstMs?: number
  periodMs?: number
  logger: Logger
}

/** What takes room in the state directory, by folder, as it was last measured; null: not yet. */
export function createRoom({ root, limits, firstMs = 60_000, periodMs = 30 * 60_000, logger }: RoomDeps) {
  let measured: RoomUse[] | null = null
  const loops: { close(): Promise<void> }[] = []
  const begin = setTimeout(() => {
    loops.push(
      createLoop(
        'room',
        periodMs,
        async (signal) => {
          measured = await measure(root, limits, signal)
        },
        logger
      )
    )
  }, firstMs)
  return {
    uses: () => measured,
    async close() {
      clearTimeout(begin)
      for (const loop of loops) await loop.close()
    }
  }
}

export async function measure(root: string, limits: RoomDeps['limits'], signal: AbortSignal): Promise<RoomUse[]> {
  const uses: RoomUse[] = []
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const bytes = await sizeOf(join(root, entry.name))
    signal.throwIfAborted()
    uses.push({ what: entry.name, bytes, limitBytes: limits[entry.name] ?? null })
  }
  return uses.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes)
}
