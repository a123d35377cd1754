import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { createGzip } from 'node:zlib'
import type { BuildView, StatusApi } from '@slipway/client'
import { Failure, isUploadName } from '@slipway/domain'
import { packFolder } from '@slipway/source'
import { withHints } from './command-context.ts'
import { ownerOf } from './owner.ts'

export interface DeployOptions {
  /** As it was written, from `directory`. */
  folder: string
  directory: string
  owner?: string
  name?: string
  message?: string
}

/** Sends a folder. Returns the build that brings it live, and what was sent in words. */
export async function deployFolder(
  api: Pick<StatusApi, 'deployFolder' | 'listOwners' | 'listRepositories'>,
  { folder, directory, owner: named, name: called, message }: DeployOptions
): Promise<{ build: BuildView; sent: string }> {
  const path = resolve(directory, folder)
  await assertStack(path)
  const name = called ?? nameOf(path)
  const owner = await ownerOf(api, named, directory)
  const { tar, files, bytes } = await packFolder(path)
  const zipped = createGzip()
  tar.on('error', (err) => zipped.destroy(err))
  const sending = api.deployFolder({
    owner,
    name,
    ...(message === undefined ? {} : { message }),
    tar: tar.pipe(zipped),
    isZipped: true
  })
  const build = await withHints(sending, {
    'not-found': `the administrator makes it with "slipway admin owners add ${owner}"`
  })
  return { build, sent: `sent ${files} files of ${size(bytes)} as ${owner}/${name}` }
}

/** What everybody forgets first is said before anything is sent. */
async function assertStack(path: string): Promise<void> {
  for (const file of ['stack.yml', 'stack.yaml']) {
    if (await stat(resolve(path, file)).catch(() => null)) return
  }
  throw new Failure(
    'invalid-request',
    `there is no stack.yml in ${path}: name the folder that has one, or make one with "slipway init"`
  )
}

function nameOf(path: string): string {
  const name = basename(path)
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63)
  if (isUploadName(name)) return name
  throw new Failure('invalid-request', `the folder ${path} has no name that can be used: give it one with --name`)
}

function size(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}
