/** Terminals that are narrower have no room for columns side by side. */
const leastColumns = 80

/** Rows as aligned columns; where they do not fit into a narrow terminal each as a block, a line for each cell. */
export function table(head: string[], rows: string[][], columns = process.stdout.columns): string {
  const all = [head, ...rows]
  const widths = head.map((_name, i) => Math.max(...all.map((row) => (row[i] ?? '').length)))
  const lines = all.map((row) => aligned(row, widths))
  const isNarrow = columns !== undefined && columns < leastColumns
  if (isNarrow && lines.some((line) => line.length > columns)) return blocks(head, rows)
  return lines.join('\n')
}

function aligned(cells: string[], widths: number[]): string {
  return cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join('  ')
    .trimEnd()
}

function blocks(head: string[], rows: string[][]): string {
  const width = Math.max(...head.map((name) => name.length))
  const blockOf = (row: string[]) =>
    head.flatMap((name, i) => (row[i] ? [`${name.padEnd(width)}  ${row[i]}`] : [])).join('\n')
  return rows.map(blockOf).join('\n\n')
}

/** Rows whose last cell says why, in as many words as a reason has: it is cut to the terminal, and whole where there is none. */
export function tableOfReasons(head: string[], rows: string[][], columns = process.stdout.columns): string {
  const last = head.length - 1
  const others = head.slice(0, last)
  const widths = others.map((_name, i) => Math.max(...[head, ...rows].map((row) => (row[i] ?? '').length)))
  const left = (columns ?? Infinity) - widths.reduce((sum, width) => sum + width + 2, 0)
  // Where so little is left that it would say nothing, it goes on in the next line; where nothing is, so would all the others.
  const room = left < 40 ? 60 : left
  return table(
    head,
    rows.map((row) => [...row.slice(0, last), clipped(gist(row[last] ?? ''), room)]),
    left < 0 ? columns : Infinity
  )
}

/** The first line of a text, which tells what the others are about. */
export function gist(text: string): string {
  return onOneLine(text.split('\n', 1)[0] ?? '')
}

/** Not longer than so many characters, and seen to be cut. */
export function clipped(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** `3 s`, `5 min`, `2 h`, `4 d`. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 90) return `${seconds} s ago`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h ago`
  return `${Math.round(seconds / 86_400)} d ago`
}

// oxlint-disable-next-line no-control-regex -- these are what it is about
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** What a stranger's text may not do to a terminal: control characters are shown, not obeyed. */
export function printable(text: string): string {
  return text.replaceAll(controls, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** A value as one cell of a table, whatever a stranger wrote there. */
export function onOneLine(value: string): string {
  return printable(value).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}
