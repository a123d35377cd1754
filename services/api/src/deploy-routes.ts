import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { BuildView, Problem } from '@slipway/client'
import { Failure, isUploadName, type Owner, type Store } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import type { Uploads } from '@slipway/source'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import { type Access, under } from './access.ts'
import type { Note } from './handling.ts'
import type { Views } from './views.ts'

export interface DeployRouteDeps {
  store: Pick<Store, 'owners' | 'builds'>
  signals: Pick<Signals, 'send'>
  uploads: Pick<Uploads, 'receive'>
  /** Of one folder as it is sent. */
  limitBytes: number
  views: Views
  callerOf: Access['callerOf']
  note: Note
  now: () => number
  signalOf(reply: FastifyReply): AbortSignal
}

/** Folders that are taken at a time: more would fill disk and processor of everybody. */
const receivedAtOnce = 4
/** So long the rest of what was refused is read, so that its sender hears why. */
const restMs = 5000

const mediaTypes = ['application/gzip', 'application/x-tar']

const Query = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 63, description: 'of the folder: the same again is its next version' }),
  message: Type.Optional(Type.String({ maxLength: 1000, description: 'what stands where a commit has its message' }))
})

/** Takes a folder and queues its build: a deploy without git and without a forge. */
export function addDeployRoute(app: FastifyInstance, deps: DeployRouteDeps): void {
  const { store, signals, uploads, limitBytes, views, callerOf, note, now, signalOf } = deps
  let receiving = 0

  async function ownerOf(slug: string): Promise<Owner> {
    const owner = await store.owners.findBySlug(slug)
    if (owner === null) throw new Failure('not-found', `there is no owner ${JSON.stringify(slug)}`)
    return owner
  }

  /** Everything that can be said before the first byte is read. */
  function assertTaken(name: string, length: string | undefined): void {
    if (!isUploadName(name)) {
      throw new Failure('invalid-request', 'the name of a folder has letters, digits, "-", "_" and ".", at most 63')
    }
    if (Number(length ?? 0) > limitBytes) {
      throw new Failure(
        'payload-too-large',
        `a folder may have ${Math.round(limitBytes / 1024 ** 2)} MiB as it is sent (UPLOAD_LIMIT_MB): list what is not needed in .dockerignore`
      )
    }
    if (receiving >= receivedAtOnce) {
      throw new Failure('unavailable', 'too many folders are being sent at this moment', { retryAfterMs: 5000 })
    }
  }

  async function receive(body: IncomingMessage, signal: AbortSignal) {
    receiving += 1
    try {
      // The connection is kept when reading ends early: the sender is told why on it.
      return await uploads.receive(body.iterator({ destroyOnReturn: false }), signal)
    } finally {
      receiving -= 1
    }
  }

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(mediaTypes, (_request, body, done) => done(null, body))
    scope.post<{ Params: { owner: string }; Querystring: { name: string; message?: string }; Body?: IncomingMessage }>(
      '/api/v1/owners/:owner/deploys',
      {
        ...under({ action: 'deploy', on: 'owner' }),
        schema: {
          operationId: 'deployFolder',
          summary: 'Deploy a folder without git: its tar, plain or in gzip, is the body',
          description:
            'The build that is queued can be followed, cancelled and rebuilt as any other. A newer one of the same name supersedes it.',
          security: [{ token: [] }],
          querystring: Query,
          consumes: mediaTypes,
          response: { 200: BuildView, default: Problem }
        }
      },
      async (request, reply) => {
        const { name, message = null } = request.query
        const signal = signalOf(reply)
        try {
          const owner = await ownerOf(request.params.owner)
          assertTaken(name, request.headers['content-length'])
          if (request.body === undefined) {
            throw new Failure('invalid-request', 'send the folder as a tar: the request has no body')
          }
          const caller = callerOf(request)
          const { commit, files, bytes } = await receive(request.body, signal)
          const upload = { ownerId: owner.id, name, commit, sender: caller.name, message }
          const { build, overtaken } = await store.builds.queueUpload(upload, now())
          for (const buildId of overtaken) signals.send('cancel', { buildId })
          signals.send('builds', {})
          await note(caller, 'deploy', owner.id, `build/${build.id}`, { name, commit, files, bytes })
          return await views.forOneAnswer().build(build)
        } catch (err) {
          reply.header('connection', 'close')
          await readRest(request.raw, limitBytes)
          throw err
        }
      }
    )
  })
}

async function readRest(body: IncomingMessage, limitBytes: number): Promise<void> {
  if (body.readableEnded || body.destroyed) return
  let left = limitBytes
  body.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) body.pause()
  })
  const ended = new Promise((resolve) => {
    body.once('end', resolve)
    body.once('close', resolve)
  })
  const stop = new AbortController()
  await Promise.race([ended, sleep(restMs, null, { signal: stop.signal })])
  stop.abort()
}
