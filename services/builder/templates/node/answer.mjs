// Turns what a handler gave into an HTTP response, as Express's `res.send` does for the official templates;
// but plain objects and arrays, which those label as HTML, are labelled as the JSON that they are.
import { pipeline, Readable } from 'node:stream'

export function sendResult(request, response, context, value) {
  for (const [name, header] of Object.entries(context.headers())) {
    if (header !== undefined && header !== null) response.setHeader(name, Array.isArray(header) ? header.map(String) : String(header))
  }
  response.statusCode = Number(context.status())
  if (value instanceof Readable) {
    setTypeUnless(response, 'application/octet-stream')
    pipeline(value, response, (err) => err && console.error(err))
    return
  }
  send(request, response, bodyOf(response, value))
}

export function sendError(request, response, status, error) {
  response.statusCode = status
  setTypeUnless(response, 'text/plain; charset=utf-8')
  send(request, response, Buffer.from(textOf(error)))
}

function textOf(error) {
  if (typeof error === 'object' && error !== null && !(error instanceof Error) && error.toString === Object.prototype.toString) {
    return JSON.stringify(error)
  }
  return String(error)
}

function bodyOf(response, value) {
  if (value === undefined || value === null) return Buffer.alloc(0)
  if (typeof value === 'string') {
    setTypeUnless(response, 'text/html; charset=utf-8')
    const type = String(response.getHeader('content-type'))
    if (!/charset=/i.test(type)) response.setHeader('content-type', `${type}; charset=utf-8`)
    return Buffer.from(value)
  }
  if (ArrayBuffer.isView(value)) {
    setTypeUnless(response, 'application/octet-stream')
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  setTypeUnless(response, 'application/json; charset=utf-8')
  return Buffer.from(JSON.stringify(value) ?? '')
}

function setTypeUnless(response, type) {
  if (!response.hasHeader('content-type')) response.setHeader('content-type', type)
}

function send(request, response, body) {
  const isEmpty = response.statusCode === 204 || response.statusCode === 304
  if (isEmpty) {
    for (const name of ['content-type', 'content-length', 'transfer-encoding']) response.removeHeader(name)
    response.end()
    return
  }
  if (!response.hasHeader('transfer-encoding')) response.setHeader('content-length', body.length)
  response.end(request.method === 'HEAD' ? undefined : body)
}
