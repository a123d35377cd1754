import type { BuildView } from '@slipway/client'
import { useEffect, useState } from 'preact/hooks'
import { send } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { BuildRow } from '../parts/build-row.tsx'
import { Section } from '../parts/page-head.tsx'
import { Show } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'

const healthMs = 5000

/** What is under way, what waits for what, and whether every part answers. */
export function AdminWaiting() {
  return (
    <>
      <Section title="Health">
        <Health />
      </Section>
      <Builds title="Under way" status="building" none="Nothing is being built." />
      <Builds title="Rolling out" status="deploying" none="Nothing is being rolled out." />
      <Builds
        title="Waiting"
        status="queued"
        none="Nothing waits."
        note="The owner that was served longest ago comes next; one build at a time of each branch. What else a build waits for stands below it."
      />
    </>
  )
}

function Builds({
  title,
  status,
  none,
  note
}: {
  title: string
  status: BuildView['status']
  none: string
  note?: string
}) {
  const builds = useLoaded('listBuilds', { status, limit: 100 }, ({ kind }) => kind === 'build')
  return (
    <Section title={title} note={note}>
      <Show of={builds} rows={1}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="note">{none}</p>
          ) : (
            <ul class="rows">
              {items.map((build) => (
                <BuildRow key={build.id} build={build} />
              ))}
            </ul>
          )
        }
      </Show>
    </Section>
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
