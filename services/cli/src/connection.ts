import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStatusApi, type StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'

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
  /** Address and token of an installation elsewhere; unset: the one in SLIPWAY_HOME. */
  SLIPWAY_URL?: string
  SLIPWAY_TOKEN?: string
}

/** @throws Failure `not-found` when nothing was ever started in the state directory. */
export async function connect(settings: ConnectionSettings): Promise<{ api: StatusApi; gatewayUrl: string | null }> {
  const { SLIPWAY_HOME: home, SLIPWAY_URL: url, SLIPWAY_TOKEN: token } = settings
  if (url !== undefined && token !== undefined) return { api: createStatusApi({ url, token }), gatewayUrl: null }
  try {
    const endpoints = JSON.parse(await readFile(join(home, fileName), 'utf8')) as Endpoints
    const localToken = (await readFile(join(home, 'admin-token'), 'utf8')).trim()
    return { api: createStatusApi({ url: endpoints.api, token: localToken }), gatewayUrl: endpoints.gateway }
  } catch (err) {
    throw new Failure(
      'not-found',
      `no Slipway was started in ${home}: run "slipway up" there, set SLIPWAY_HOME, or set SLIPWAY_URL and SLIPWAY_TOKEN`,
      { cause: err }
    )
  }
}
