import { useEffect, useState } from 'preact/hooks'
import { send } from '../live/call.ts'
import { Section } from '../parts/page-head.tsx'
import { Queue } from '../parts/queue.tsx'
import { Status } from '../parts/status.tsx'

const healthMs = 5000

/** What is under way, what waits for what, and whether every part answers. */
export function AdminWaiting() {
  return (
    <>
      <Section title="Health">
        <Health />
      </Section>
      <Queue />
    </>
  )
}

/** Asked regularly while somebody looks: what is away tells no event. */
function Health() {
  const [missing, setMissing] = useState<string[] | null>(null)
  useEffect(() => {
    const stop = new AbortController()
    const ask = async () => {
      try {
        await send('/readyz', { signal: stop.signal })
        setMissing([])
      } catch (err) {
        if (!stop.signal.aborted) setMissing([err instanceof Error ? err.message : 'the status API'])
      }
    }
    void ask()
    const timer = setInterval(() => void ask(), healthMs)
    return () => {
      stop.abort()
      clearInterval(timer)
    }
  }, [])
  if (missing === null) return <p class="note">Asking</p>
  if (missing.length === 0) return <Status tone="good">The status API, the store and Redis answer</Status>
  return <Status tone="bad">{`Not everything answers: ${missing.join(', ')}`}</Status>
}
