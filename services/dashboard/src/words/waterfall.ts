import type { BuildDetail } from '@slipway/client'
import type { Tone } from './build.ts'

export interface Bar {
  label: string
  /** Null for what concerns the whole build. */
  functionName: string | null
  from: number
  to: number
  tone: Tone
  isRunning: boolean
}

/** What took how long, in the order in which it began: the wait, each function's image, each function's roll-out. */
export function barsOf(build: BuildDetail, now: number): Bar[] {
  const end = build.finishedAt ?? now
  const isEnded = build.finishedAt !== null
  const bars: Bar[] = []
  const waited = build.startedAt ?? build.deployingAt ?? end
  bars.push({
    label: 'waiting',
    functionName: null,
    from: build.createdAt,
    to: waited,
    tone: 'quiet',
    isRunning: !isEnded && build.startedAt === null && build.deployingAt === null
  })
  const firstImage = Math.min(...build.functions.flatMap((one) => one.startedAt ?? []), build.deployingAt ?? end)
  if (build.startedAt !== null && build.startedAt < firstImage) {
    const isRunning = !isEnded && build.functions.length === 0
    bars.push({
      label: 'checkout and stack',
      functionName: null,
      from: build.startedAt,
      to: firstImage,
      tone: isEnded && build.functions.length === 0 ? toneOfEnd(build.status) : 'good',
      isRunning
    })
  }
  return [...bars, ...build.functions.flatMap((one) => barsOfFunction(one, build, end, isEnded))]
}

function barsOfFunction(
  one: BuildDetail['functions'][number],
  build: BuildDetail,
  end: number,
  isEnded: boolean
): Bar[] {
  const bars: Bar[] = []
  const isBad = one.status === 'failed'
  if (one.startedAt !== null) {
    const to = one.builtAt ?? one.finishedAt ?? end
    const isRunning = !isEnded && one.builtAt === null && one.finishedAt === null
    const tone = one.builtAt === null && isBad ? 'bad' : isRunning ? 'busy' : 'good'
    bars.push({
      label: one.isReused ? 'image (known)' : 'image',
      functionName: one.name,
      from: one.startedAt,
      to,
      tone,
      isRunning
    })
  }
  const rolledOutFrom = build.deployingAt === null ? null : Math.max(build.deployingAt, one.builtAt ?? 0)
  if (rolledOutFrom !== null && one.status !== 'skipped') {
    const to = one.finishedAt ?? end
    const isRunning = !isEnded && one.finishedAt === null
    bars.push({
      label: one.status === 'removed' ? 'removal' : 'roll-out',
      functionName: one.name,
      from: rolledOutFrom,
      to: Math.max(to, rolledOutFrom),
      tone: isBad ? 'bad' : isRunning ? 'busy' : one.status === 'cancelled' ? 'quiet' : 'good',
      isRunning
    })
  }
  return bars
}

function toneOfEnd(status: BuildDetail['status']): Tone {
  if (status === 'failed') return 'bad'
  return status === 'error' ? 'warning' : 'quiet'
}
