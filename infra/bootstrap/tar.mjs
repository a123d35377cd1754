import { createReadStream } from 'node:fs'

/**
 * A tar archive (POSIX ustar, pax for long names) of entries that need not exist as files anywhere, with the owner and the mode
 * that each entry asks for: making a root file system so needs neither root nor a temporary copy.
 *
 * An entry is `{ path, mode, uid?, gid? }` and one of `text`, `source` (a file) with `size`, `link` (a symbolic link), or nothing: a directory.
 */
export async function* tar(entries) {
  for (const entry of entries) {
    const path = entry.path.replace(/^\/+/, '') + (isDirectory(entry) ? '/' : '')
    const content = entry.text === undefined ? null : Buffer.from(entry.text)
    const size = content?.length ?? (entry.source === undefined ? 0 : entry.size)
    if (Buffer.byteLength(path) > 100 || Buffer.byteLength(entry.link ?? '') > 100) yield* paxHeader(path, entry.link)
    yield header(path, entry, size)
    if (content !== null) yield content
    else if (entry.source !== undefined) yield* exactly(entry.source, size)
    yield Buffer.alloc((512 - (size % 512)) % 512)
  }
  yield Buffer.alloc(1024)
}

function isDirectory(entry) {
  return entry.text === undefined && entry.source === undefined && entry.link === undefined
}

async function* exactly(source, size) {
  if (size === 0) return
  let sent = 0
  for await (const chunk of createReadStream(source, { highWaterMark: 1024 * 1024, end: size - 1 })) {
    sent += chunk.length
    yield chunk
  }
  if (sent !== size) throw new Error(`${source} changed while it was read`)
}

function header(path, entry, size, type = typeOf(entry)) {
  const block = Buffer.alloc(512)
  const octal = (value, offset, length) => block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset)
  block.write(Buffer.from(path).subarray(0, 100).toString('latin1'), 0, 100, 'latin1')
  octal(entry.mode & 0o7777, 100, 8)
  octal(entry.uid ?? 0, 108, 8)
  octal(entry.gid ?? 0, 116, 8)
  octal(size, 124, 12)
  octal(0, 136, 12)
  block.write('        ', 148)
  block.write(type, 156)
  if (entry.link !== undefined)
    block.write(Buffer.from(entry.link).subarray(0, 100).toString('latin1'), 157, 100, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function typeOf(entry) {
  if (entry.link !== undefined) return '2'
  return isDirectory(entry) ? '5' : '0'
}

function* paxHeader(path, link) {
  const content = Buffer.from(record('path', path) + (link === undefined ? '' : record('linkpath', link)))
  yield header('pax', { mode: 0o644 }, content.length, 'x')
  yield content
  yield Buffer.alloc((512 - (content.length % 512)) % 512)
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function record(key, value) {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + 1
  while (String(length).length + rest !== length) length = String(length).length + rest
  return `${length} ${key}=${value}\n`
}
