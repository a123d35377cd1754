import { useNow } from '../live/use-now.ts'
import { formatAgo, formatDuration, formatExact } from '../words/time.ts'

const minuteMs = 60_000

/** Relative; the exact time on hover and for who reads with ears. */
export function Ago({ at }: { at: number }) {
  const isFresh = Math.abs(Date.now() - at) < minuteMs
  const now = useNow(isFresh ? 1000 : 30_000)
  return (
    <time dateTime={new Date(at).toISOString()} title={formatExact(at)}>
      {formatAgo(at, now)}
    </time>
  )
}

/** How long something took, or has taken until now. */
export function Lasted({ from, to }: { from: number; to: number | null }) {
  const now = useNow(to === null ? 1000 : null)
  return <span class="number">{formatDuration(Math.max(0, (to ?? now) - from))}</span>
}
