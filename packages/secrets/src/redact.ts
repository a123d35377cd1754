import { Failure } from '@slipway/domain'

/** Takes known secrets out of texts. */
export interface Redactor {
  /** One more secret, from now on. */
  add(value: string | Uint8Array): void
  /** A whole line or several. At the end of one that was cut (`…`, `[…]`) a part of a secret goes as well. */
  redact(text: string): string
  /**
   * A piece of a line that was cut without a mark: where it was, a part of a secret may stand, and goes as well.
   */
  redactPiece(text: string, cut: { start: boolean; end: boolean }): string
}

/**
 * The same failure without secrets in its message. What caused it is left out with them: it says the same in other words.
 * What is no Failure goes to the log of the service with its stack, and nowhere else.
 */
export function redactFailure(err: unknown, { redact }: Pick<Redactor, 'redact'>): unknown {
  if (!(err instanceof Failure)) return err
  const message = redact(err.message)
  if (message === err.message) return err
  const { code, location, retryAfterMs } = err
  return new Failure(code, message, {
    ...(location === undefined ? {} : { location }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs })
  })
}

/** Shorter values are words, numbers and flags: taken out they would make every text unreadable. */
export const shortestRedacted = 6
/** So many characters of a secret at a cut tell something of it. */
const shortestPart = 4
const mark = '[redacted]'

/**
 * Known secrets, each line of those that have several, and the encodings that they leave by when somebody looks for a way out:
 * base64 at every alignment, base64 in lines, percent-encoding, hexadecimal digits, and escaped as in JSON.
 */
export function createRedactor(values: Iterable<string | Uint8Array> = []): Redactor {
  const known = new Set<string>()
  /** By their first characters, the longest first: a part of it alone would leave the rest. */
  const byPrefix = new Map<string, string[]>()
  /** Which pairs of characters a secret begins with: nearly every place of a text is passed over by this. */
  const begins = new Uint8Array(1 << 16)

  function add(value: string | Uint8Array): void {
    for (const form of formsOf(Buffer.from(value))) {
      if (known.has(form)) continue
      known.add(form)
      begins[pairAt(form, 0)] = 1
      const prefix = form.slice(0, shortestRedacted)
      const others = byPrefix.get(prefix) ?? []
      byPrefix.set(
        prefix,
        [...others, form].sort((a, b) => b.length - a.length)
      )
    }
  }
  for (const value of values) add(value)

  function findAt(text: string, at: number): string | undefined {
    if (begins[pairAt(text, at)] === 0) return undefined
    return byPrefix.get(text.slice(at, at + shortestRedacted))?.find((form) => text.startsWith(form, at))
  }

  /** Where a line was cut, and says so, a part of a secret may stand before the cut. */
  function redactCuts(text: string): string {
    if (known.size === 0 || !text.includes('…')) return text
    return text.replaceAll(/^(.*?)( ?\[?…\]?)$/gm, (_line, kept: string, cut: string) => withoutEnd(kept, known) + cut)
  }

  function redactWhole(text: string): string {
    let kept = ''
    let from = 0
    for (let at = 0; at <= text.length - shortestRedacted; at++) {
      const found = findAt(text, at)
      if (found === undefined) continue
      kept += text.slice(from, at) + mark
      from = at + found.length
      at = from - 1
    }
    return from === 0 ? text : kept + text.slice(from)
  }

  return {
    add,
    redact: (text) => redactCuts(redactWhole(text)),
    redactPiece(text, cut) {
      let kept = redactCuts(redactWhole(text))
      if (cut.end) kept = withoutEnd(kept, known)
      if (cut.start) kept = withoutStart(kept, known)
      return kept
    }
  }
}

function pairAt(text: string, at: number): number {
  return (text.charCodeAt(at) * 31 + text.charCodeAt(at + 1)) & 0xffff
}

/** Without the longest end that a secret begins with. */
function withoutEnd(text: string, known: ReadonlySet<string>): string {
  let longest = 0
  for (const form of known) {
    for (let length = Math.min(form.length - 1, text.length); length > longest && length >= shortestPart; length--) {
      if (text.endsWith(form.slice(0, length))) longest = length
    }
  }
  return longest === 0 ? text : `${text.slice(0, -longest)}${mark}`
}

function withoutStart(text: string, known: ReadonlySet<string>): string {
  let longest = 0
  for (const form of known) {
    for (let length = Math.min(form.length - 1, text.length); length > longest && length >= shortestPart; length--) {
      if (text.startsWith(form.slice(-length))) longest = length
    }
  }
  return longest === 0 ? text : `${mark}${text.slice(longest)}`
}

/** Beyond these sizes only the value itself, its lines and its base64 are looked for. */
const encodedBytes = 16 * 1024
const encodedLines = 200

function formsOf(bytes: Buffer): string[] {
  // A file often ends in a line feed that its reader takes off.
  const trimmed = bytes.toString('utf8').trim()
  const lines = trimmed.split(/\r?\n/).map((line) => line.trim())
  const plain = [trimmed, ...lines].filter((form) => form.length >= shortestRedacted)
  if (plain.length === 0) return []
  const encoded = lines.length > encodedLines ? [trimmed] : new Set(plain)
  const forms = [...plain, ...encodingsOf(bytes), ...[...encoded].flatMap((form) => encodingsOf(Buffer.from(form)))]
  return [...new Set(forms)].filter((form) => form.length >= shortestRedacted)
}

function encodingsOf(bytes: Buffer): string[] {
  const base64 = [0, 1, 2].flatMap((offset) => alignedBase64(bytes, offset))
  const urls = base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))
  if (bytes.length > encodedBytes) return [...base64, ...urls]
  const text = bytes.toString('utf8')
  const hex = bytes.toString('hex')
  const escaped = JSON.stringify(text).slice(1, -1)
  const percent = text.isWellFormed() ? encodeURIComponent(text) : text
  return [...base64, ...urls, hex, hex.toUpperCase(), escaped, percent]
}

/** `base64` and `openssl` break their lines after so many characters. */
const lineLengths = [76, 64]

/**
 * The characters of base64 that only these bytes decide, when they begin `offset` bytes into a group of three.
 * Of several lines each one is a form.
 */
function alignedBase64(bytes: Buffer, offset: number): string[] {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replace(/=+$/, '')
  const start = offset === 0 ? 0 : offset + 1
  const isWhole = (bytes.length + offset) % 3 === 0
  const whole = encoded.slice(start, isWhole ? undefined : -1)
  if (offset > 0) return [whole]
  const lines = lineLengths.flatMap((length) => (encoded.length > length ? piecesOf(encoded, length) : []))
  return [whole, bytes.toString('base64'), ...lines]
}

function piecesOf(text: string, length: number): string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, i) => text.slice(i * length, (i + 1) * length))
}
