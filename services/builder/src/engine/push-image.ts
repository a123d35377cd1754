import type { Readable } from 'node:stream'
import { Failure } from '@slipway/domain'
import { credentialOf, parseReference, type RegistryAuth } from '@slipway/registry'
import type Docker from 'dockerode'
import type { LogLine } from './build-log.ts'
import { dial, jsonLines } from './dial.ts'
import { engineFailure, isPassing } from './engine-failure.ts'

/**
 * Pushes an image under the name that it has here.
 *
 * @returns the digest that the registry knows it by
 * @throws Failure `unavailable` when engine or registry do not answer, `forbidden` when the registry does not let us,
 *   `image-missing` when there is no such image
 */
export async function pushImage(
  docker: Docker,
  auth: RegistryAuth,
  reference: string,
  onLog: (line: LogLine) => void,
  signal: AbortSignal
): Promise<string> {
  const { host, tag } = parseReference(reference)
  const bare = tag === null ? reference : reference.slice(0, -(tag.length + 1))
  const credential = credentialOf(auth, host)
  try {
    const answer = await dial<Readable>(docker, {
      method: 'POST',
      path: `/images/${bare}/push?`,
      options: { tag: tag ?? 'latest' },
      // The engine wants the header even where it holds nothing.
      authconfig: { username: credential?.username ?? '', password: credential?.password ?? '', serveraddress: host },
      abortSignal: signal,
      isStream: true,
      statusCodes: { 200: true }
    })
    return await follow(answer, host, onLog)
  } catch (err) {
    signal.throwIfAborted()
    throw translate(err, reference)
  }
}

async function follow(answer: Readable, host: string, onLog: (line: LogLine) => void): Promise<string> {
  let digest: string | null = null
  let pushed = 0
  let present = 0
  for await (const event of jsonLines(answer)) {
    if (typeof event.error === 'string') throw refusal(event.error, host)
    if (event.status === 'Pushed') pushed += 1
    if (event.status === 'Layer already exists') present += 1
    const aux = event.aux as { Digest?: string } | undefined
    if (aux?.Digest !== undefined) digest = aux.Digest
  }
  if (digest === null) throw new Failure('unavailable', `the registry ${host} did not say what it stored`)
  onLog({ stream: 'slipway', text: `pushed to ${host}: ${pushed} layers, ${present} were there` })
  return digest
}

function refusal(message: string, host: string): Failure {
  if (/does not exist locally/i.test(message)) return new Failure('image-missing', message)
  const isDenied = /unauthorized|denied|no basic auth|authentication required/i.test(message) && !isPassing(message)
  return isDenied
    ? new Failure('forbidden', `the registry ${host} does not let Slipway push: check its user name and password`, {
        cause: new Error(message)
      })
    : new Failure('unavailable', `the registry ${host} did not take the image (${message.slice(0, 200)})`)
}

function translate(err: unknown, reference: string): Failure {
  if (err instanceof Error && 'statusCode' in err && err.statusCode === 404) {
    return new Failure('image-missing', `there is no image ${reference} on this engine`, { cause: err })
  }
  return engineFailure(err, `${reference} could not be pushed`)
}
