import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RoomUse } from '@slipway/domain'
import { createLoop, type Logger } from '@slipway/service'
import { sizeOf } from './git/sweep.ts'

export interface RoomDeps {
  name: string
  measure(signal: AbortSignal): Promise<RoomUse[]>
  /** It is much work: not at once, and not often. */
  firstMs: number
  periodMs?: number
  logger: Logger
}

/** What takes room, as it was last measured; null: not yet. */
export function createRoom({ name, measure, firstMs, periodMs = 30 * 60_000, logger }: RoomDeps) {
  let measured: RoomUse[] | null = null
  const loops: { close(): Promise<void> }[] = []
  const begin = setTimeout(() => {
    loops.push(
      createLoop(
        name,
        periodMs,
        async (signal) => {
          measured = await measure(signal)
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

/**
 * By folder of the state directory.
 *
 * @param limits what each is cut to, in bytes; what is not named is not cut by size
 */
export async function measureFolders(
  root: string,
  limits: Readonly<Record<string, number>>,
  signal: AbortSignal
): Promise<RoomUse[]> {
  const uses: RoomUse[] = []
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const bytes = await sizeOf(join(root, entry.name))
    signal.throwIfAborted()
    uses.push({ what: entry.name, bytes, limitBytes: limits[entry.name] ?? null })
  }
  return uses.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes)
}
