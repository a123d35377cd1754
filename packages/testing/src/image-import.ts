import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ImageReference } from '@slipway/domain'
import type Docker from 'dockerode'

/** Makes an image of a directory, as `docker import` does. `changes` are Dockerfile instructions. */
export async function importImage(
  docker: Docker,
  directory: string,
  reference: string,
  changes: readonly string[]
): Promise<void> {
  const colon = reference.lastIndexOf(':')
  const tar = spawn('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', directory, '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(tar, 'close')
  const progress = await docker.importImage(tar.stdout, {
    repo: reference.slice(0, colon),
    tag: reference.slice(colon + 1),
    changes
  })
  await followProgress(docker, progress)
  const [code] = await ended
  if (code !== 0) throw new Error(`tar ended with ${String(code)}`)
}

export interface PushOptions {
  /** A local image: reference or id. */
  image: string
  /** `host[:port]/path` */
  repository: string
  tag: string
  credentials?: { username: string; password: string }
}

/** Tags a local image as `repository:tag` and pushes it to its registry. Returns what it can be pulled by. */
export async function pushImage(
  docker: Docker,
  { image, repository, tag, credentials = { username: '', password: '' } }: PushOptions
): Promise<ImageReference> {
  await docker.getImage(image).tag({ repo: repository, tag })
  const progress = await docker.getImage(`${repository}:${tag}`).push({ tag, authconfig: { ...credentials } })
  const events = await followProgress(docker, progress)
  const digest = events.map(digestOf).find((found) => found !== null)
  if (digest === undefined || digest === null) throw new Error(`the push of ${repository}:${tag} told no digest`)
  return { repository, tag, digest }
}

function followProgress(docker: Docker, stream: NodeJS.ReadableStream): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (err: Error | null, events: unknown[]) => {
      const told = events.map(errorOf).find((message) => message !== null)
      if (err !== null) reject(err)
      else if (told !== undefined && told !== null) reject(new Error(told))
      else resolve(events)
    })
  })
}

function errorOf(event: unknown): string | null {
  return typeof event === 'object' && event !== null && 'error' in event ? String(event.error) : null
}

function digestOf(event: unknown): string | null {
  if (typeof event !== 'object' || event === null || !('aux' in event)) return null
  const { aux } = event
  return typeof aux === 'object' && aux !== null && 'Digest' in aux ? String(aux.Digest) : null
}
