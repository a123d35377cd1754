// Reads a request's body and parses it by its content type, as the official Node.js templates do.
import { pipeline } from 'node:stream'
import { createBrotliDecompress, createInflate, createUnzip } from 'node:zlib'
import { parseNested } from './form.mjs'
import { RequestError } from './request-error.mjs'

const decoders = { gzip: createUnzip, 'x-gzip': createUnzip, deflate: createInflate, br: createBrotliDecompress }

/** What the handler gets as `event.body`; `undefined` when the request has none. */
export async function readBody(request, settings) {
  const { headers } = request
  const hasBody = headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined
  if (!hasBody) return settings.isExpress4 ? {} : undefined
  const type = headers['content-type'].split(';', 1)[0].trim().toLowerCase()
  const isJson = !settings.isRawBody && type === 'application/json'
  const bytes = await collect(request, isJson ? settings.jsonLimitBytes : settings.rawLimitBytes)
  if (settings.isRawBody) return bytes
  if (isJson) return parseJson(bytes)
  if (type === 'application/x-www-form-urlencoded') return parseNested(bytes.toString('utf8'))
  if (type.startsWith('text/')) return decode(bytes, headers['content-type'])
  return bytes
}

function collect(request, limitBytes) {
  const tooLarge = () => new RequestError(413, `the body is larger than ${limitBytes} bytes: MAX_RAW_SIZE and MAX_JSON_SIZE raise the limit`)
  const encoding = (request.headers['content-encoding'] ?? 'identity').toLowerCase()
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding]() : null
  if (decoder === null && encoding !== 'identity') throw new RequestError(415, `content encoding "${encoding}" is not supported`)
  if (decoder === null && Number(request.headers['content-length']) > limitBytes) throw tooLarge()
  const source = decoder ?? request
  return new Promise((resolve, reject) => {
    const chunks = []
    let size = 0
    source.on('data', (chunk) => {
      size += chunk.length
      if (size > limitBytes) {
        source.pause()
        reject(tooLarge())
      } else {
        chunks.push(chunk)
      }
    })
    source.once('end', () => resolve(Buffer.concat(chunks)))
    source.once('error', () => reject(new RequestError(400, 'the body could not be read')))
    request.once('aborted', () => reject(new RequestError(400, 'the request was aborted')))
    if (decoder !== null) pipeline(request, decoder, () => {})
  })
}

function parseJson(bytes) {
  const text = bytes.toString('utf8').replace(/^\ufeff/, '')
  if (text.length === 0) return {}
  // Strict, as the templates' parser is: an object or an array.
  if (!/^[\x20\t\n\r]*[{[]/.test(text)) throw new RequestError(400, 'the body is not a JSON object or array')
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new RequestError(400, `the body is not JSON: ${err.message}`)
  }
}

function decode(bytes, contentType) {
  const charset = /charset=["']?([^"';\s]+)/i.exec(contentType)?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(charset).decode(bytes)
  } catch {
    throw new RequestError(415, `charset "${charset.slice(0, 40)}" is not supported`)
  }
}
