import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'
import { addressOf, readLogins } from './logins.ts'

/** Where a running installation answers. Kept in the state directory by `slipway up`. */
export interface Endpoints {
  /** The id that every object of it carries. */
  installation: string
  api: string
  gateway: string
  receiver: string
}

const fileName = 'endpoints.json'

export async function saveEndpoints(home: string, endpoints: Endpoints): Promise<void> {
  const file = join(home, fileName)
  await writeFile(`${file}.new`, `${JSON.stringify(endpoints, null, 2)}\n`)
  await rename(`${file}.new`, file)
}

export interface ConnectionSettings {
  SLIPWAY_HOME: string
  /** Address and token of an installation elsewhere; without the token the one that was kept by `slipway login`. */
  SLIPWAY_URL?: string
  SLIPWAY_TOKEN?: string
  /** What `slipway login` keeps. */
  LOGINS_FILE: string
}

export interface Connection {
  api: StatusApi
  gatewayUrl: string | null
  url: string
  /** What the token is, in words. */
  by: string
}

/**
 * The installation that a command is about: what SLIPWAY_URL names, else the one that was started in the state directory, else
 * the one that somebody last signed in at.
 *
 * @throws Failure `unauthenticated` when there is no token for it, `not-found` when there is none
 */
export async function connect(settings: ConnectionSettings): Promise<Connection> {
  const { SLIPWAY_HOME: home, SLIPWAY_URL: url, SLIPWAY_TOKEN: token, LOGINS_FILE: file } = settings
  if (url !== undefined) {
    if (token !== undefined) return connection(url, token, 'SLIPWAY_TOKEN')
    const address = addressOf(url)
    const { [address]: kept } = (await readLogins(file)).tokens
    if (kept !== undefined) return connection(address, kept, 'the token of "slipway login"')
    throw new Failure('unauthenticated', `you are not signed in at ${address}: "slipway login ${address}"`)
  }
  const local = await localConnection(home)
  if (local !== null) return local
  const { current, tokens } = await readLogins(file)
  const kept = current === null ? undefined : tokens[current]
  if (current !== null && kept !== undefined) return connection(current, kept, 'the token of "slipway login"')
  throw new Failure(
    'not-found',
    `no Slipway was started in ${home}: run "slipway up" there, set SLIPWAY_HOME, or sign in with "slipway login <address>"`
  )
}

async function connection(url: string, token: string, by: string): Promise<Connection> {
  // All routes with their shapes: a command that fails before, or shows its help, is spared them.
  const { createStatusApi } = await import('@slipway/client')
  return { api: createStatusApi({ url, token }), gatewayUrl: null, url, by }
}

/** Of what was started in the state directory; null: nothing was. */
export async function localConnection(home: string): Promise<Connection | null> {
  try {
    const endpoints = JSON.parse(await readFile(join(home, fileName), 'utf8')) as Endpoints
    const token = (await readFile(join(home, 'admin-token'), 'utf8')).trim()
    const { api: url, gateway } = endpoints
    return { ...(await connection(url, token, "the administrator's token")), gatewayUrl: gateway }
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Failure('invalid-configuration', `the state directory ${home} cannot be read`, { cause: err })
  }
}
