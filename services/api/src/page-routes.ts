import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { under } from './access.ts'

/** Nothing from elsewhere, no inline script, and nobody may put the page into a frame. */
const policy = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "object-src 'none'"
].join('; ')

/** Never the page, whatever a browser asks there. */
const elsewhere = /^\/(?:api|auth|badge|webhooks|assets|\.well-known|function|system|healthz|readyz|metrics)(?:\/|$)/

const open = { ...under({ action: 'see-public', on: 'public' }), schema: { hide: true } }

/**
 * The web page: one document for all of its addresses, and the files that it names, whose names change with their content.
 * While it was not built its addresses say so.
 */
export async function addPageRoutes(app: FastifyInstance, directory: string): Promise<void> {
  await app.register(fastifyStatic, { root: directory, serve: false, preCompressed: true })

  app.get<{ Params: { file: string } }>('/assets/:file', open, (request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    return reply.sendFile(`assets/${request.params.file}`, { immutable: true, maxAge: '365d' })
  })
  app.get('/*', open, (request, reply) => {
    if (!isNavigation(request)) return reply.callNotFound()
    reply
      .header('cache-control', 'no-store')
      .header('content-security-policy', policy)
      .header('cross-origin-opener-policy', 'same-origin')
      .header('permissions-policy', 'camera=(), geolocation=(), microphone=()')
      .header('referrer-policy', 'same-origin')
      .header('x-content-type-options', 'nosniff')
    return reply.sendFile('index.html', { cacheControl: false, etag: false, lastModified: false })
  })
}

/** Somebody looks at an address: neither a program that asks for data, nor a part of a page that is not there. */
function isNavigation({ url, headers }: FastifyRequest): boolean {
  const path = url.split('?', 1)[0] ?? '/'
  return !elsewhere.test(path) && (headers.accept ?? '').includes('text/html')
}

/** Where `vite build` puts the page. */
export const pageDirectory = join(import.meta.dirname, '..', '..', 'dashboard', 'dist')
