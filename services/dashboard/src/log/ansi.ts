import Anser from 'anser'

export interface Span {
  text: string
  /** Names of CSS classes: `ansi-red`, `ansi-bold`. */
  classes: string
}

/**
 * A line as a terminal would show it: colours as classes, what was overwritten after a carriage return gone, and every other
 * control sequence taken out. The text is text: whoever shows it must not take it for markup.
 */
export function spansOf(line: string): Span[] {
  const shown = visible(line)
  if (!shown.includes('\u001b')) return [{ text: shown, classes: '' }]
  return Anser.ansiToJson(shown, { json: true, use_classes: true, remove_empty: true }).map(
    ({ content, fg, bg, decorations }) => ({
      text: content,
      classes: [fg, bg && `${bg}-bg`, ...decorations.map((one) => `ansi-${one}`)]
        .filter((name) => /^ansi-[a-z-]+$/.test(name ?? ''))
        .join(' ')
    })
  )
}

/** Without colours: what is searched. */
export function plainText(line: string): string {
  return spansOf(line)
    .map(({ text }) => text)
    .join('')
}

/** CSI and OSC sequences other than colours, and control characters that no line needs. */
const otherSequences =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-9;?<=>]*[ -/]*[@-ln-~]|\u001b[^[\]]|[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f]/g

function visible(line: string): string {
  const ended = line.endsWith('\r') ? line.slice(0, -1) : line
  return ended.slice(ended.lastIndexOf('\r') + 1).replaceAll(otherSequences, '')
}
