/** One line of the benchmark: what was measured, and beside what. */
export interface Result {
  name: string
  value: number
  unit: 'ms' | 'req/s' | 'MiB'
  /** What the value is compared with, measured in the same run or a limit; the same unit. */
  against: number
  /** `value / against`. */
  ratio: number
  /** For the table alone: what stands behind `value` and `against`. */
  spread: Spread | null
  againstSpread: Spread | null
  /** What `against` is. */
  comparison: string
  /** What the ratio should be. */
  wanted: string
}

/** What several measurements of one thing gave. */
export interface Spread {
  median: number
  min: number
  max: number
  count: number
}

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b)
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (min === undefined || max === undefined) throw new Error('nothing was measured')
  return { median: median(sorted), min, max, count: sorted.length }
}

function median(sorted: readonly number[]): number {
  const upper = sorted[Math.floor(sorted.length / 2)] as number
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[sorted.length / 2 - 1] as number)) / 2
}

/** The value that `share` of the samples do not exceed. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number
}

export function comparedSpreads(
  about: Pick<Result, 'name' | 'unit' | 'comparison' | 'wanted'>,
  samples: readonly number[],
  against: readonly number[]
): Result {
  const [spread, againstSpread] = [spreadOf(samples), spreadOf(against)]
  const ratio = spread.median / againstSpread.median
  return { ...about, value: spread.median, against: againstSpread.median, ratio, spread, againstSpread }
}

export function comparedValues(
  about: Pick<Result, 'name' | 'unit' | 'comparison' | 'wanted'>,
  value: number,
  against: number
): Result {
  return { ...about, value, against, ratio: value / against, spread: null, againstSpread: null }
}

/** What `--json` prints: one object a line, without what only people read. */
export function jsonLine({ name, value, unit, against, ratio }: Result): string {
  return JSON.stringify({ name, value: rounded(value), unit, against: rounded(against), ratio: rounded(ratio, 3) })
}

export function tableOf(results: readonly Result[]): string {
  const head = ['', 'measured', 'spread', 'against', 'spread', 'ratio', 'wanted']
  const rows = results.map((result) => [
    result.name,
    `${rounded(result.value)} ${result.unit}`,
    shown(result.spread),
    `${rounded(result.against)} ${result.unit} (${result.comparison})`,
    shown(result.againstSpread),
    result.ratio.toFixed(2),
    result.wanted
  ])
  const widths = head.map((_title, i) => Math.max(...[head, ...rows].map((row) => row[i]?.length ?? 0)))
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

function shown(spread: Spread | null): string {
  return spread === null ? '' : `${rounded(spread.min)}–${rounded(spread.max)}, n=${spread.count}`
}

function rounded(value: number, digits = value < 100 ? 1 : 0): number {
  return Number(value.toFixed(digits))
}
