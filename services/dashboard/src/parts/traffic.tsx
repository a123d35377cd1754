import type { TrafficView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { useEvery } from '../live/use-every.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { formatCount } from '../words/chart.ts'
import { formatDuration } from '../words/time.ts'
import { Chart } from './chart.tsx'
import { Section } from './page-head.tsx'
import { Show } from './states.tsx'

const windows = { '1h': 'Last hour', '24h': 'Last day', '30d': 'Last 30 days' } as const
type Window = keyof typeof windows

/** Gateways count by the minute: more often there is nothing new. */
const everyMs = 20_000

/** Calls, errors and latency of a function over time. */
export function Traffic({ owner, name }: { owner: string; name: string }) {
  const [window, setWindow] = useState<Window>('1h')
  const traffic = useLoaded('getTraffic', { owner, name, window })
  useEvery(everyMs, traffic.reload)
  return (
    <Section
      title="Traffic"
      actions={
        <fieldset class="choices">
          <legend class="unseen">How far back</legend>
          {Object.entries(windows).map(([key, label]) => (
            <button key={key} type="button" aria-pressed={key === window} onClick={() => setWindow(key as Window)}>
              {label}
            </button>
          ))}
        </fieldset>
      }
    >
      <Show of={traffic}>{(view) => <Charts view={view} />}</Show>
    </Section>
  )
}

function Charts({ view: { points, total } }: { view: TrafficView }) {
  if (total.calls === 0) return <p class="note">Nobody called it in this time.</p>
  const times = points.map(({ at }) => at)
  const share = ((total.errors / total.calls) * 100).toFixed(total.errors === 0 ? 0 : 2)
  return (
    <>
      <p class="note traffic-sum">
        {formatCount(total.calls)} calls · {share} % errors
        {total.p50Ms !== null && ` · half within ${formatDuration(total.p50Ms)}`}
        {total.p99Ms !== null && ` · 99 of 100 within ${formatDuration(total.p99Ms)}`} ·{' '}
        {Object.entries(total.codes)
          .map(([code, count]) => `${code}: ${formatCount(count)}`)
          .join(', ')}
      </p>
      <div class="charts">
        <Chart
          title="Calls"
          times={times}
          format={formatCount}
          series={[
            { name: 'calls', look: 'first', values: points.map(({ calls }) => calls) },
            { name: 'errors', look: 'bad', values: points.map(({ errors }) => (errors === 0 ? null : errors)) }
          ]}
        />
        <Chart
          title="Latency"
          times={times}
          format={formatDuration}
          series={[
            { name: 'p50', look: 'first', values: points.map(({ p50Ms }) => p50Ms) },
            { name: 'p95', look: 'second', values: points.map(({ p95Ms }) => p95Ms) },
            { name: 'p99', look: 'third', values: points.map(({ p99Ms }) => p99Ms) }
          ]}
        />
      </div>
    </>
  )
}
