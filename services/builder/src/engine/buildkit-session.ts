import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { status as Status, UntypedHandleCall } from '@grpc/grpc-js'
import { credentialOf, type RegistryAuth } from '@slipway/registry'
import type Docker from 'dockerode'
import { dial } from './dial.ts'
import { readFields, writeBytes, writeTexts } from './protobuf.ts'

export interface BuildKitSession extends Disposable {
  id: string
}

/** `grpc.health.v1.HealthCheckResponse { status: SERVING }` */
const serving = Buffer.from([0x08, 0x01])

/**
 * Opens what BuildKit asks back through during one build: a gRPC server of ours on a connection that the engine keeps.
 * It answers with the registries' credentials, for base images, and with the secrets of this build. The engine drops a session that has no health service.
 *
 * @returns null where the engine has no BuildKit
 */
export async function openSession(
  docker: Docker,
  registryAuth: RegistryAuth,
  secrets: ReadonlyMap<string, Uint8Array>,
  signal: AbortSignal
): Promise<BuildKitSession | null> {
  const id = randomUUID()
  // Loaded by the first build: an installation that waits for one has no use for it.
  const [{ Server, ServerCredentials, status }, socket] = await Promise.all([
    import('@grpc/grpc-js'),
    upgrade(docker, id, signal)
  ])
  if (socket === null) return null
  const server = new Server()
  server.addService(authService, {
    Credentials: answer((request) => {
      const credential = credentialOf(registryAuth, textIn(request))
      return writeTexts({ 1: credential?.username ?? '', 2: credential?.password ?? '' })
    })
  })
  server.addService(secretsService, {
    GetSecret: (call: { request: Buffer }, callback: Callback) => {
      const secret = secrets.get(textIn(call.request))
      if (secret === undefined) callback({ code: status.NOT_FOUND })
      else callback(null, writeBytes(1, secret))
    }
  })
  server.addService(healthService, { Check: answer(() => serving) })
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  // The connection's end is the end of the build, which the build itself reports.
  socket.on('error', () => socket.destroy())
  injector.injectConnection(socket)
  return {
    id,
    [Symbol.dispose]() {
      injector.destroy()
      server.forceShutdown()
      socket.destroy()
    }
  }
}

/** Whether the engine has BuildKit: the connection is made and let go again. */
export async function hasBuildKit(docker: Docker, signal: AbortSignal): Promise<boolean> {
  const socket = await upgrade(docker, randomUUID(), signal)
  socket?.on('error', () => socket.destroy()).destroy()
  return socket !== null
}

async function upgrade(docker: Docker, id: string, signal: AbortSignal): Promise<Duplex | null> {
  try {
    return await dial<Duplex>(docker, {
      method: 'POST',
      path: '/session',
      hijack: true,
      abortSignal: signal,
      headers: {
        Upgrade: 'h2c',
        'X-Docker-Expose-Session-Uuid': id,
        'X-Docker-Expose-Session-Name': 'slipway',
        'X-Docker-Expose-Session-Grpc-Method': [
          '/moby.filesync.v1.Auth/Credentials',
          '/moby.buildkit.secrets.v1.Secrets/GetSecret',
          '/grpc.health.v1.Health/Check'
        ]
      },
      statusCodes: {}
    })
  } catch (err) {
    if (err instanceof Error && 'statusCode' in err && (err.statusCode === 404 || err.statusCode === 501)) return null
    throw err
  }
}

const method = (path: string) => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: (value: Buffer) => value,
  requestDeserialize: (value: Buffer) => value,
  responseSerialize: (value: Buffer) => value,
  responseDeserialize: (value: Buffer) => value
})

const authService = { Credentials: method('/moby.filesync.v1.Auth/Credentials') }
const secretsService = { GetSecret: method('/moby.buildkit.secrets.v1.Secrets/GetSecret') }
const healthService = { Check: method('/grpc.health.v1.Health/Check') }

type Callback = (err: { code: Status } | null, value?: Buffer) => void

function answer(respond: (request: Buffer) => Buffer): UntypedHandleCall {
  return (call: { request: Buffer }, callback: Callback) => {
    callback(null, respond(call.request))
  }
}

/** `CredentialsRequest { Host }`, `GetSecretRequest { ID, annotations }` */
function textIn(request: Buffer): string {
  for (const { number, value } of readFields(request)) if (number === 1) return value.toString()
  return ''
}
