/** Rows as aligned columns. Empty when there are none. */
export function table(head: string[], rows: string[][]): string {
  const all = [head, ...rows]
  const widths = head.map((_name, i) => Math.max(...all.map((row) => (row[i] ?? '').length)))
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
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
