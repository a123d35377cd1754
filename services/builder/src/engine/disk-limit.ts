import type { BuildRoom } from '@slipway/cluster/build-rooms'
import { Failure } from '@slipway/domain'
import { orAborted } from '@slipway/service'
import type Docker from 'dockerode'
import type { ImageBuild } from './build-image.ts'

const everyMs = 500
/** Measuring walks through what was written: it is given no more than this part of the time. */
const share = 0.1

/** Ends a build whose steps write more than they may. */
export function watchDisk(
  room: Pick<BuildRoom, 'writtenBytes'>,
  limitBytes: number,
  tooMuch: AbortController
): Disposable {
  const stop = new AbortController()
  let timer: NodeJS.Timeout | null = null

  async function look(): Promise<void> {
    const startedAt = performance.now()
    try {
      if ((await room.writtenBytes(stop.signal)) > limitBytes) tooMuch.abort(overDisk('the build wrote', limitBytes))
    } catch (err) {
      // The engine is asked again; when it is away, the build itself ends with that.
      if (!(err instanceof Failure) && !stop.signal.aborted) throw err
    }
    next((performance.now() - startedAt) / share)
  }

  function next(afterMs: number): void {
    if (stop.signal.aborted || tooMuch.signal.aborted) return
    timer = setTimeout(() => void look(), Math.max(everyMs, afterMs))
  }

  next(0)
  return {
    [Symbol.dispose]() {
      stop.abort(new Failure('cancelled', 'the build has ended'))
      if (timer !== null) clearTimeout(timer)
    }
  }
}

/** @throws Failure `limit-exceeded`; the image is not kept then. */
export async function refuseLargeImage(
  docker: Docker,
  { reference, diskBytes }: ImageBuild,
  imageId: string,
  signal: AbortSignal
): Promise<void> {
  const { Size } = await orAborted(docker.getImage(imageId).inspect(), signal)
  if (Size <= diskBytes) return
  await docker.getImage(reference).remove()
  throw overDisk(`the image has ${inMib(Size)}, that is`, diskBytes)
}

function overDisk(what: string, limitBytes: number): Failure {
  return new Failure(
    'limit-exceeded',
    `${what} more than ${inMib(limitBytes)}: make it smaller, or ask an administrator for more (BUILD_DISK_MB)`
  )
}

function inMib(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`
}
