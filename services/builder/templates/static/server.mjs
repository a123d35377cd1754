// A small file server. The files are part of the image: they never change, so what is known of one is kept.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { contentTypes } from './content-types.mjs'

// An import would load all that the module can give, a WebSocket client among it: a function starts in half the time without.
const { createServer } = createRequire(import.meta.url)('node:http')

export function createFileServer(folder) {
  const files = new Map()
  let isDraining = false
  const rootReady = realpath(fileURLToPath(folder))

  /** @returns path, size, type and ETag of the file that answers for a path; `folder` for one that wants a slash at its end; null */
  async function find(path) {
    if (files.has(path)) return files.get(path)
    const found = await look(path)
    // Only what is there is kept: names that strangers make up have no end.
    if (found !== null) files.set(path, found)
    return found
  }

  async function look(path) {
    const root = await rootReady
    const wanted = join(root, path)
    const real = await realpath(wanted).catch(() => null)
    if (real === null || (real !== root && !real.startsWith(root + sep))) return null
    const stats = await stat(real)
    if (stats.isDirectory()) return path.endsWith('/') ? find(`${path}index.html`) : 'folder'
    if (!stats.isFile() || path.endsWith('/')) return null
    const type = contentTypes[extname(real).toLowerCase()] ?? 'application/octet-stream'
    return { path: real, size: stats.size, type, etag: await hash(real) }
  }

  async function serve(request, response) {
    const path = pathOf(request.url)
    if (path === '/_/health') return sendText(response, 200, 'OK')
    if (path === '/_/ready') return isDraining ? sendText(response, 503, 'stopping') : sendText(response, 200, 'OK')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return sendText(response, 405, 'only GET and HEAD')
    }
    if (path === null) return sendText(response, 400, 'the path cannot be read')
    const file = await find(path)
    if (file === 'folder') {
      // Relative: the path that the caller sees may be longer than ours.
      response.setHeader('location', `./${encodeURIComponent(path.split('/').at(-1))}/`)
      return sendText(response, 301, 'a folder')
    }
    if (file !== null) return sendFile(request, response, 200, file)
    const page = await find('/404.html')
    return page === null ? sendText(response, 404, 'not found') : sendFile(request, response, 404, page)
  }

  const server = createServer(async (request, response) => {
    if (isDraining) response.setHeader('connection', 'close')
    try {
      await serve(request, response)
    } catch (err) {
      console.error(err)
      if (response.headersSent) response.destroy()
      else sendText(response, 500, 'internal error')
    }
  })
  // Longer than any client of ours keeps an idle connection: the side that sends must be the one that closes.
  server.keepAliveTimeout = 75_000

  return {
    server,
    drain() {
      isDraining = true
    }
  }
}

/** Decoded and without `..`; null when it cannot be. Files and folders that begin with a dot are not served, but `.well-known` is. */
function pathOf(url) {
  const raw = url.split(/[?#]/, 1)[0]
  if (!raw.startsWith('/')) return null
  let path
  try {
    path = decodeURIComponent(raw)
  } catch {
    return null
  }
  const parts = path.split('/')
  const isHidden = parts.some((part) => part.startsWith('.') && part !== '.well-known')
  return isHidden || path.includes('\0') || path.includes('\\') ? null : path.replaceAll(/\/{2,}/g, '/')
}

async function sendFile(request, response, status, { path, size, type, etag }) {
  response.setHeader('etag', etag)
  response.setHeader('cache-control', 'no-cache')
  const known = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  if (status === 200 && (known.includes(etag) || known.includes('*'))) {
    response.writeHead(304).end()
    return
  }
  response.writeHead(status, { 'content-type': type, 'content-length': size, 'x-content-type-options': 'nosniff' })
  if (request.method === 'HEAD') response.end()
  else await pipeline(createReadStream(path), response).catch(onAborted)
}

/** A caller that hangs up is nobody's fault. */
function onAborted(err) {
  if (err.code !== 'ERR_STREAM_PREMATURE_CLOSE' && err.code !== 'ECONNRESET' && err.code !== 'EPIPE') throw err
}

async function hash(path) {
  const sum = createHash('sha256')
  await pipeline(createReadStream(path), sum)
  return `"${sum.digest('base64url').slice(0, 27)}"`
}

function sendText(response, status, text) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text) })
  response.end(response.req.method === 'HEAD' ? undefined : text)
}
