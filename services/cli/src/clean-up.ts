import type { CleanUpView, StatusApi } from '@slipway/client'
import { printable, table } from './table.ts'

/** Has everything taken away now that is not kept, and tells what went; with `json` for programs. */
export async function cleanUp(
  api: StatusApi,
  { json }: { json: boolean }
): Promise<{ text: string; isWhole: boolean }> {
  const report = await api.cleanUp({})
  const isWhole = report.problems.length === 0
  return { text: json ? JSON.stringify(report, null, 2) : shown(report), isWhole }
}

function shown({ removed, problems }: CleanUpView): string {
  const rows = removed.map(({ what, count, bytes }) => [
    what,
    count === 0 ? '-' : String(count),
    bytes === null ? '-' : inUnits(bytes)
  ])
  return [
    removed.length === 0 ? 'There was nothing to take away.' : table(['REMOVED', 'COUNT', 'FREED'], rows),
    ...problems.map((problem) => `!! ${printable(problem)}`)
  ].join('\n')
}

function inUnits(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}
