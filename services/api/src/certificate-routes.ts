import type { InternalApi } from '@slipway/client'
import type { Store } from '@slipway/domain'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { under } from './access.ts'

export interface CertificateRouteDeps {
  store: Pick<Store, 'sealingKeys'>
  internal: Pick<InternalApi, 'sealingCertificate'>
  signalOf(reply: FastifyReply): AbortSignal
}

/** Ours, and where OpenFaaS Cloud had it. */
const certificatePaths = ['/.well-known/slipway/seal.pem', '/dashboard/api/pub-cert.pem'] as const

/** The certificate that secrets are sealed with, for everybody: `kubeseal --cert <address>`. */
export function addCertificateRoutes(app: FastifyInstance, { store, internal, signalOf }: CertificateRouteDeps): void {
  for (const [index, path] of certificatePaths.entries()) {
    app.get(
      path,
      {
        ...under({ action: 'see-public', on: 'public' }),
        schema: {
          operationId: index === 0 ? 'getSealingCertificate' : 'getSealingCertificateOfOpenFaasCloud',
          summary: 'The certificate that secrets are sealed with, as PEM'
        }
      },
      async (_request, reply) => {
        const known = (await store.sealingKeys.list()).find(({ certificate }) => certificate !== null)?.certificate
        const certificate = known ?? (await internal.sealingCertificate(signalOf(reply)))
        return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache').send(certificate)
      }
    )
  }
}
