import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '@slipway/domain'
import { callEngine, type DockerConnection } from './engine-api.ts'

export interface DockerEngine {
  connection: DockerConnection
  /** The same as a value of DOCKER_HOST: `unix:///var/run/docker.sock`, `tcp://host:port`. */
  address: string
  version: string
  apiVersion: string
  os: string
  architecture: string
  /** The engine is on this machine, as far as its address tells. */
  isLocal: boolean
}

export interface DockerOptions {
  /** DOCKER_HOST, when it is set. */
  dockerHost?: string
  /** DOCKER_CERT_PATH, when TLS is to be used. */
  certPath?: string
  /** Where sockets are looked for when `dockerHost` is not given. */
  sockets?: string[]
}

/**
 * Finds the Docker engine: the configured one, else the first usual socket that answers.
 *
 * @throws Failure `invalid-configuration` for an address that cannot be used; `unavailable` when no engine answers
 */
export async function connectDocker(options: DockerOptions = {}): Promise<DockerEngine> {
  const { dockerHost, certPath, sockets = usualSockets() } = options
  if (dockerHost !== undefined && dockerHost !== '') {
    const connection = await parseDockerHost(dockerHost, certPath)
    try {
      return await describe(connection)
    } catch (err) {
      throw new Failure(
        'unavailable',
        `the Docker engine at DOCKER_HOST ${dockerHost} does not answer: start it or change DOCKER_HOST`,
        { cause: err }
      )
    }
  }
  const errors: unknown[] = []
  for (const socketPath of sockets) {
    try {
      return await describe({ socketPath })
    } catch (err) {
      errors.push(err)
    }
  }
  throw new Failure('unavailable', adviceFor(errors, sockets), { cause: new AggregateError(errors) })
}

function adviceFor(errors: unknown[], sockets: string[]): string {
  const isDenied = errors.some((err) => err instanceof Error && 'code' in err && err.code === 'EACCES')
  return isDenied
    ? 'this user may not use the Docker engine: add it to the group "docker" and log in again, or set DOCKER_HOST'
    : `no Docker engine answers at ${sockets.join(', ')}: start one, install one ` +
        '(on Debian and Ubuntu "apt-get install docker.io"), or set DOCKER_HOST'
}

function usualSockets(): string[] {
  const uid = process.getuid?.() ?? 0
  return [
    '/var/run/docker.sock',
    `/run/user/${uid}/docker.sock`,
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock')
  ]
}

async function parseDockerHost(dockerHost: string, certPath: string | undefined): Promise<DockerConnection> {
  if (dockerHost.startsWith('unix://')) return { socketPath: dockerHost.slice('unix://'.length) }
  const url = URL.canParse(dockerHost) ? new URL(dockerHost) : null
  if (url === null || !['tcp:', 'http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new Failure(
      'invalid-configuration',
      `DOCKER_HOST ${dockerHost} cannot be used: it must begin with unix:// or tcp://`
    )
  }
  const isTls = certPath !== undefined || url.protocol === 'https:'
  const port = url.port === '' ? (isTls ? 2376 : 2375) : Number(url.port)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (certPath === undefined) return { protocol: isTls ? 'https' : 'http', host, port }
  try {
    const [ca, cert, key] = await Promise.all(
      ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(join(certPath, name)))
    )
    return { protocol: 'https', host, port, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  } catch (err) {
    throw new Failure(
      'invalid-configuration',
      `the certificates of DOCKER_CERT_PATH ${certPath} cannot be read: it must hold ca.pem, cert.pem and key.pem`,
      { cause: err }
    )
  }
}

async function getVersion(connection: DockerConnection): Promise<Record<string, unknown>> {
  const { status, body } = await callEngine(connection, 'GET', '/version', { timeoutMs: 5000 })
  if (status !== 200) throw new Error(`the engine answered ${status}`)
  return body
}

async function describe(connection: DockerConnection): Promise<DockerEngine> {
  const version = await getVersion(connection)
  const text = (name: string): string => {
    const value = version[name]
    return typeof value === 'string' ? value : 'unknown'
  }
  const isSocket = 'socketPath' in connection
  return {
    connection,
    address: isSocket ? `unix://${connection.socketPath}` : `tcp://${connection.host}:${connection.port}`,
    version: text('Version'),
    apiVersion: text('ApiVersion'),
    os: text('Os'),
    architecture: text('Arch'),
    isLocal: isSocket || ['127.0.0.1', '::1', 'localhost'].includes(connection.host)
  }
}
