/** A number in as few characters as tell it apart. */
export function formatCount(value: number): string {
  if (value < 1000) return String(Math.round(value))
  if (value < 1_000_000) return `${(value / 1000).toFixed(value < 10_000 ? 1 : 0)}k`
  return `${(value / 1_000_000).toFixed(value < 10_000_000 ? 1 : 0)}M`
}

/** The next 1, 2 or 5 times a power of ten: where a scale ends. */
export function scaleEnd(highest: number): number {
  if (highest <= 1) return 1
  const power = 10 ** Math.floor(Math.log10(highest))
  return ([1, 2, 5, 10].find((step) => step * power >= highest) ?? 10) * power
}

/** The values with a gap on both sides: of a line they would be hardly a dot. */
export function lonePath(values: readonly (number | null)[], end: number, width: number, height: number): string {
  const isGap = (index: number) => (values[index] ?? null) === null
  const lone = values.map((value, index) => (isGap(index - 1) && isGap(index + 1) ? value : null))
  return linePath(lone, end, width, height)
}

/** The points of a line in a box, with gaps where there is no value: one `M` for each piece. */
export function linePath(values: readonly (number | null)[], end: number, width: number, height: number): string {
  const step = values.length < 2 ? 0 : width / (values.length - 1)
  let isDown = false
  let path = ''
  for (const [index, value] of values.entries()) {
    if (value === null) {
      isDown = false
      continue
    }
    const x = (index * step).toFixed(1)
    const y = (height - (Math.min(value, end) / end) * height).toFixed(1)
    path += `${isDown ? 'L' : 'M'}${x} ${y}`
    // A value with a gap on both sides would be no line at all.
    if (!isDown && (values[index + 1] ?? null) === null) path += 'h.1'
    isDown = true
  }
  return path
}
