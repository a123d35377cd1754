import type { BuildDetail } from '@slipway/client'
import { useNow } from '../live/use-now.ts'
import { formatDuration } from '../words/time.ts'
import { type Bar, barsOf } from '../words/waterfall.ts'

/** A build's steps along one line of time. */
export function Waterfall({ build }: { build: BuildDetail }) {
  const now = useNow(build.finishedAt === null ? 250 : null)
  const bars = barsOf(build, now)
  const from = build.createdAt
  const whole = Math.max(1, ...bars.map(({ to }) => to - from))
  return (
    <table class="waterfall">
      <caption class="unseen">Steps of this build and how long each took</caption>
      <thead class="unseen">
        <tr>
          <th>Step</th>
          <th>When</th>
          <th>Time</th>
        </tr>
      </thead>
      <tbody>
        {bars.map((bar) => (
          <BarRow key={`${bar.functionName} ${bar.label}`} bar={bar} from={from} whole={whole} />
        ))}
      </tbody>
    </table>
  )
}

function BarRow({
  bar: { label, functionName, from: start, to, tone, isRunning },
  from,
  whole
}: {
  bar: Bar
  from: number
  whole: number
}) {
  const style = { left: `${((start - from) / whole) * 100}%`, width: `${Math.max(0.4, ((to - start) / whole) * 100)}%` }
  return (
    <tr>
      <th scope="row">
        {functionName !== null && <span class="strong">{functionName} </span>}
        <span class="note">{label}</span>
      </th>
      <td>
        <span class="track">
          <span class={`bar tone-${tone} ${isRunning ? 'is-running' : ''}`} style={style} />
        </span>
      </td>
      <td class="number">{formatDuration(to - start)}</td>
    </tr>
  )
}
