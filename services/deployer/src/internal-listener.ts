import { randomBytes } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { Failure } from '@slipway/domain'
import { type Certificate, isLoopback, listenOn } from '@slipway/service'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'

/** Where the other services ask, when they are on other machines. */
export const listenSettings = {
  INTERNAL_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      description: 'Where the other services ask the deployer; unset: on a socket in SLIPWAY_HOME.'
    })
  ),
  INTERNAL_HOST: Type.String({
    default: '127.0.0.1',
    description: 'Another one than loopback only with a certificate.'
  }),
  INTERNAL_CERT: Type.Optional(
    Type.String({
      pattern: '^-----BEGIN CERTIFICATE-----',
      expected: 'a certificate as PEM',
      description: 'With it and its key the deployer is asked by https.'
    })
  ),
  INTERNAL_KEY: Type.Optional(
    Type.String({ pattern: '-----BEGIN [A-Z ]*PRIVATE KEY-----', description: 'The key of INTERNAL_CERT.' })
  )
}
const ListenSettings = Type.Object(listenSettings)
type ListenSettings = Static<typeof ListenSettings>

/** @throws Failure `invalid-configuration` where secrets would go over a network in the clear */
export function certificateOf({
  INTERNAL_CERT: cert,
  INTERNAL_KEY: key,
  ...where
}: ListenSettings): Certificate | null {
  if (cert !== undefined && key !== undefined) return { cert, key }
  if (cert !== undefined || key !== undefined) {
    throw new Failure('invalid-configuration', 'INTERNAL_CERT and INTERNAL_KEY belong together: set both or neither')
  }
  if (where.INTERNAL_PORT !== undefined && !isLoopback(where.INTERNAL_HOST)) {
    throw new Failure(
      'invalid-configuration',
      'INTERNAL_HOST must be a loopback address unless INTERNAL_CERT and INTERNAL_KEY are set: secrets do not go over a network in the clear'
    )
  }
  return null
}

/** Where the settings say, or on the socket. */
export async function listen(app: FastifyInstance, settings: ListenSettings, socket: string): Promise<void> {
  const { INTERNAL_HOST: host, INTERNAL_PORT: port } = settings
  if (port === undefined) await listenInternal(app, socket)
  else await listenOn(app, { host, port }, 'INTERNAL_PORT')
}

/**
 * Listens on a Unix socket, in place of whoever listens there. A server unlinks its path when it closes, whoever's socket is there
 * by then: so each listens on a name of its own, and the socket is moved to where it is looked for.
 */
export async function listenInternal(app: FastifyInstance, path: string): Promise<void> {
  const own = `${path}.${randomBytes(3).toString('hex')}`
  await app.listen({ path: own })
  await rename(own, path)
}
