import { shortDescription } from '@slipway/domain'

/** One line for a commit status. Cutting may halve a character: a forge would refuse the half. */
export function oneLine(text: string, limit: number): string {
  return shortDescription(plain(text), limit).toWellFormed()
}

/** Without terminal escapes and control characters. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return text.replaceAll(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '').replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
}

/** The end of `text`, at most so many bytes of UTF-8: it is the end of a log that tells why. */
export function lastBytes(text: string, limitBytes: number): string {
  const bytes = new TextEncoder().encode(text)
  if (bytes.length <= limitBytes) return text.toWellFormed()
  let start = bytes.length - limitBytes
  // not into the middle of a character
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1
  return new TextDecoder().decode(bytes.subarray(start))
}

/** A log of nothing but backticks is not worth a fence of its own size. */
const longestFence = 100

/** Log text as Markdown that shows it as it is, of at most so many bytes: nothing in it may end the block. */
export function codeBlock(text: string, limitBytes: number): string {
  const shown = lastBytes(plain(text), limitBytes - 2 * (longestFence + 1))
  let longest = 2
  for (const [run] of shown.matchAll(/`+/g)) longest = Math.max(longest, run.length)
  if (longest >= longestFence) return codeBlock(shown.replaceAll('`', "'"), limitBytes)
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${shown}\n${fence}`
}
