// The HTTP server around a handler: health, requests in, answers out, and a stop that loses none.
import { createRequire } from 'node:module'
import { parse as parseFlat } from 'node:querystring'
import { setTimeout as sleep } from 'node:timers/promises'
import { sendError, sendResult } from './answer.mjs'
import { readBody } from './body.mjs'
import { FunctionContext } from './context.mjs'
import { parseNested } from './form.mjs'
import { RequestError } from './request-error.mjs'

// An import would load all that the module can give, a WebSocket client among it: a function starts in half the time without.
const { createServer } = createRequire(import.meta.url)('node:http')

export function createFunctionServer(handler, settings) {
  const open = new Set()
  let isDraining = false

  const server = createServer(async (request, response) => {
    if (isDraining) response.setHeader('connection', 'close')
    const target = splitTarget(request.url)
    if (target === null) return sendText(response, 400, 'the request target cannot be read')
    const { path, query } = target
    if (path === '/_/health') return sendText(response, 200, 'OK')
    const isFull = settings.inFlightLimit > 0 && open.size >= settings.inFlightLimit
    if (path === '/_/ready' && isDraining) return sendText(response, 503, 'stopping')
    if (isFull) return sendText(response, 429, `${open.size} requests are being answered, max_inflight allows no more`)
    if (path === '/_/ready') return sendText(response, 200, 'OK')
    open.add(response)
    response.once('close', () => open.delete(response))
    await answer(request, response, path, query)
  })
  // Longer than any client of ours keeps an idle connection: the side that sends must be the one that closes.
  server.keepAliveTimeout = 75_000
  server.requestTimeout = 0

  async function answer(request, response, path, query) {
    // Without a content type, text is meant.
    request.headers['content-type'] ||= 'text/plain'
    try {
      const body = await readBody(request, settings)
      const event = {
        body,
        headers: request.headers,
        method: request.method,
        query: settings.isExpress4 ? parseNested(query) : parseFlat(query),
        path
      }
      await call(handler, event, request, response, settings)
    } catch (err) {
      if (!(err instanceof RequestError)) throw err
      // The rest of the body is not worth reading.
      if (!request.complete) response.setHeader('connection', 'close')
      if (!response.destroyed) sendError(request, response, err.status, err.message)
    }
  }

  async function drain() {
    isDraining = true
    for (const response of open) if (!response.headersSent) response.setHeader('connection', 'close')
    // New requests may still be on their way. They are answered, and told that the connection ends.
    await sleep(settings.lameDuckMs)
    const closed = new Promise((resolve) => server.close(resolve))
    // Connections whose answers had begun go idle later.
    const timer = setInterval(() => server.closeIdleConnections(), 50)
    await closed
    clearInterval(timer)
  }

  return { server, drain }
}

/** Calls the handler and answers once, whichever way it answers first: a value, a callback, `succeed`, `fail`, an exception. */
function call(handler, event, request, response, settings) {
  return new Promise((resolve) => {
    let isAnswered = false
    const onTimeout = () => finish(() => sendError(request, response, 504, 'exec_timeout: the function took too long'))
    const timer = settings.execTimeoutMs > 0 ? setTimeout(onTimeout, settings.execTimeoutMs) : null

    const finish = (write) => {
      if (isAnswered) return
      isAnswered = true
      clearTimeout(timer)
      if (!response.destroyed) write()
      resolve()
    }
    const fail = (error, status) => {
      console.error(error)
      finish(() => {
        for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name)
        sendError(request, response, status, error)
      })
    }
    const callback = (error, value) => {
      if (error) return fail(error, Number(context.status()) === 200 ? 500 : Number(context.status()))
      try {
        finish(() => sendResult(request, response, context, value))
      } catch (err) {
        // A header, a status or a value that cannot be sent.
        isAnswered = false
        fail(err, 500)
      }
    }
    const context = new FunctionContext(callback)
    const run = async () => {
      const returned = handler(event, context, callback)
      const value = await returned
      // Who takes a callback and returns nothing, not even a promise, will call it.
      if (returned === undefined && handler.length > 2) return
      if (!context.cbCalled) context.succeed(value)
    }
    run().catch((err) => fail(err, statusOfException(context)))
  })
}

/** A 500, unless the handler had chosen another failure when it threw. */
function statusOfException(context) {
  const status = Number(context.status())
  return status >= 400 && status <= 599 ? status : 500
}

function splitTarget(url) {
  const mark = url.indexOf('?')
  const target = mark === -1 ? url : url.slice(0, mark)
  const path = target.startsWith('/') ? target : URL.parse(target, 'http://function')?.pathname
  return path === undefined ? null : { path, query: mark === -1 ? '' : url.slice(mark + 1) }
}

function sendText(response, status, text) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(text)
}
