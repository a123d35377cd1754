import { useState } from 'preact/hooks'
import { linePath, lonePath, scaleEnd } from '../words/chart.ts'
import { formatExact } from '../words/time.ts'

export interface Series {
  name: string
  /** One a point; null: nothing was measured. */
  values: (number | null)[]
  /** Its colour, by name. */
  look: 'first' | 'second' | 'third' | 'bad'
}

const width = 600
const height = 120

/** Lines over time. What the pointer or the arrow keys are at is told in numbers; a table says it all to who cannot see it. */
export function Chart({
  title,
  times,
  series,
  format
}: {
  title: string
  times: number[]
  series: Series[]
  format: (value: number) => string
}) {
  const [at, setAt] = useState<number | null>(null)
  const end = scaleEnd(Math.max(1, ...series.flatMap(({ values }) => values.map((value) => value ?? 0))))
  const last = times.length - 1
  const move = (by: number) => setAt(Math.min(last, Math.max(0, (at ?? last) + by)))
  const x = at === null ? 0 : (at / Math.max(1, last)) * width
  return (
    <figure class="chart">
      <figcaption>
        <span class="strong">{title}</span>
        <span class="note" aria-live="polite">
          {at === null ? '' : formatExact(times[at] ?? 0)}
        </span>
      </figcaption>
      <ul class="legend">
        {series.map(({ name, values, look }) => (
          <li key={name} class={`look-${look}`}>
            {name} <span class="number">{at === null ? '' : told(values[at] ?? null, format)}</span>
          </li>
        ))}
      </ul>
      <div class="plot">
        <span class="scale note">{format(end)}</span>
        <svg
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          role="img"
          tabIndex={0}
          aria-label={`${title}: the arrow keys go through it`}
          onPointerMove={({ currentTarget, clientX }) => {
            const { left, width } = currentTarget.getBoundingClientRect()
            setAt(Math.round(((clientX - left) / width) * last))
          }}
          onPointerLeave={() => setAt(null)}
          onBlur={() => setAt(null)}
          onKeyDown={({ key }) => {
            if (key === 'ArrowLeft') move(-1)
            else if (key === 'ArrowRight') move(1)
          }}
        >
          <path class="base" d={`M0 ${height}H${width}M0 ${height / 2}H${width}M0 .5H${width}`} />
          {series.map(({ name, values, look }) => (
            <path key={name} class={`look-${look}`} d={linePath(values, end, width, height)} />
          ))}
          {series.map(({ name, values, look }) => (
            <path key={name} class={`lone look-${look}`} d={lonePath(values, end, width, height)} />
          ))}
          {at !== null && <path class="at" d={`M${x} 0V${height}`} />}
        </svg>
      </div>
    </figure>
  )
}

const told = (value: number | null, format: (value: number) => string) => (value === null ? '–' : format(value))
