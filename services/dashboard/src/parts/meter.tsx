/** How much of something is used. */
export function Meter({
  label,
  value,
  most,
  isOver = false
}: {
  label: string
  value: number
  most: number
  isOver?: boolean
}) {
  const share = most <= 0 ? 1 : Math.min(1, value / most)
  return (
    <div
      class={`meter ${isOver ? 'tone-bad' : share > 0.9 ? 'tone-warning' : 'tone-good'}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect width={share * 100} height="4" />
      </svg>
    </div>
  )
}
