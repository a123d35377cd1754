import type { FastifyInstance } from 'fastify'
import { under } from './access.ts'
import type { ApiDocument } from './reference/document.ts'

const open = { ...under({ action: 'see-public', on: 'public' }), schema: { hide: true } }

/** The document that describes the API, for programs, and as a page for people. */
export function addReferenceRoutes(app: FastifyInstance, publicUrl: () => string): void {
  app.get('/api/v1/openapi.json', open, () => app.swagger())

  app.get('/docs', open, async (_request, reply) => {
    // Nobody has it in memory who does not read it.
    const [{ readDocument }, { apiPage, pagePolicy }] = await Promise.all([
      import('./reference/document.ts'),
      import('./reference/page.ts')
    ])
    return reply
      .header('content-security-policy', pagePolicy)
      .header('cross-origin-opener-policy', 'same-origin')
      .header('referrer-policy', 'same-origin')
      .header('x-content-type-options', 'nosniff')
      .header('cache-control', 'no-cache')
      .type('text/html; charset=utf-8')
      .send(apiPage(readDocument(app.swagger() as unknown as ApiDocument), publicUrl()))
  })
}
