import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '@slipway/domain'

/** Where a person signed in from this machine: tokens by the installation's address. */
export interface Logins {
  /** The one that commands are about unless SLIPWAY_URL or a state directory says another. */
  current: string | null
  tokens: Record<string, string>
}

/** @throws Failure `invalid-configuration` for a file that holds something else */
export async function readLogins(file: string): Promise<Logins> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, tokens: {} }
    throw err
  }
  try {
    const { current, tokens } = JSON.parse(text) as Partial<Logins>
    if (typeof tokens === 'object' && tokens !== null) return { current: current ?? null, tokens }
  } catch (err) {
    throw damaged(file, err)
  }
  throw damaged(file)
}

/** Readable by its owner alone, and never half-written. */
export async function writeLogins(file: string, logins: Logins): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, `${JSON.stringify(logins, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/**
 * An installation's address as it is kept.
 *
 * @throws Failure `invalid-request` for what is none, or one on which a token would travel in the open
 */
export function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw new Failure('invalid-request', `"${text}" is no address: write it like https://slipway.example.com`)
  }
  if (url.protocol === 'http:' && !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)) {
    throw new Failure('invalid-request', `your token would travel in the open to ${url.origin}: use https`)
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

function damaged(file: string, cause?: unknown): Failure {
  return new Failure('invalid-configuration', `${file} cannot be read: remove it and sign in again`, { cause })
}
