import { statfs } from 'node:fs/promises'
import { type DiskRoom, Failure } from '@slipway/domain'
import type { Logger } from '@slipway/service'

export interface DiskGuardDeps {
  /** What is written to during a build, and what it is, for the message. */
  places(signal: AbortSignal): Promise<{ what: string; path: string }[]>
  /** null: 2 GiB, or 5 % of the file system where that is less. */
  minFreeBytes: number | null
  cleanUp(signal: AbortSignal): Promise<void>
  now: () => number
  logger: Logger
}

/** Makes sure that there is room for a build. @throws Failure `disk-full`, which is tried again */
export type DiskGuard = (signal: AbortSignal) => Promise<void>

const gib = 1024 ** 3
/** Cleaning up again at once would bring nothing. */
const cleanUpEveryMs = 60_000

/** How much is free at each place, and how much a build wants there. */
export async function roomAt(
  { places, minFreeBytes }: Pick<DiskGuardDeps, 'places' | 'minFreeBytes'>,
  signal: AbortSignal
): Promise<DiskRoom[]> {
  return Promise.all(
    (await places(signal)).map(async ({ what, path }) => {
      const { bavail, blocks, bsize } = await statfs(path)
      const wantedBytes = minFreeBytes ?? Math.min(2 * gib, 0.05 * blocks * bsize)
      return { what, path, freeBytes: bavail * bsize, totalBytes: blocks * bsize, wantedBytes }
    })
  )
}

export function createDiskGuard({ places, minFreeBytes, cleanUp, now, logger }: DiskGuardDeps): DiskGuard {
  let cleanedAt = -Infinity
  let cleaning: Promise<void> | null = null

  async function shortage(signal: AbortSignal): Promise<DiskRoom | null> {
    const rooms = await roomAt({ places, minFreeBytes }, signal)
    return rooms.find(({ freeBytes, wantedBytes }) => freeBytes < wantedBytes) ?? null
  }

  async function clean(signal: AbortSignal): Promise<void> {
    if (cleaning === null && now() - cleanedAt < cleanUpEveryMs) return
    cleaning ??= cleanUp(signal).finally(() => {
      cleaning = null
      cleanedAt = now()
    })
    await cleaning
  }

  return async function ensureRoom(signal) {
    const before = await shortage(signal)
    if (before === null) return
    logger.warn({ ...before }, 'the disk is almost full, it is cleaned up before the build')
    await clean(signal)
    const after = await shortage(signal)
    if (after === null) return
    const { what, path, freeBytes, wantedBytes } = after
    throw new Failure(
      'disk-full',
      `the disk of ${what} (${path}) has ${inUnits(freeBytes)} free and a build wants ${inUnits(wantedBytes)}, also after cleaning up: make room there, keep less (KEEP_… settings), or lower MIN_FREE_MB`
    )
  }
}

function inUnits(bytes: number): string {
  return bytes < gib ? `${Math.floor(bytes / 1024 ** 2)} MiB` : `${(bytes / gib).toFixed(1)} GiB`
}
