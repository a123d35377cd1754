import { linePath, scaleEnd } from '../words/chart.ts'

const width = 96
const height = 24

/** Calls of the last while as a line, errors over it. The numbers stand beside it. */
export function Sparkline({ calls, errors }: { calls: number[]; errors: number[] }) {
  const end = scaleEnd(Math.max(...calls, 1))
  return (
    <svg class="sparkline" viewBox={`0 -1 ${width} ${height + 2}`} width={width} height={height} aria-hidden="true">
      <path class="calls" d={linePath(calls, end, width, height)} />
      {errors.some((count) => count > 0) && (
        <path
          class="errors"
          d={linePath(
            errors.map((count) => (count === 0 ? null : count)),
            end,
            width,
            height
          )}
        />
      )}
    </svg>
  )
}
