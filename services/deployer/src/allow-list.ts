import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { Failure, type Owners } from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'

/** Room for some ten thousand logins. */
const limitBytes = 1024 * 1024
const timeoutMs = 10_000

/** A login or the path of a group, as any forge allows them. */
const login = /^[a-z0-9_][a-z0-9_.-]{0,254}$/i

/**
 * One login a line; what follows a `#` is a comment.
 *
 * @throws Failure `invalid-payload` for anything else: a page that says that something went wrong is no list.
 */
export function parseAllowList(text: string): string[] {
  const logins = new Set<string>()
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const [said = ''] = line.split('#', 1)
    const name = said.trim()
    if (name === '') continue
    if (!login.test(name)) throw new Failure('invalid-payload', `line ${i + 1} is no login: write one a line`)
    logins.add(name.toLowerCase())
  }
  return [...logins]
}

async function readLimited(parts: AsyncIterable<Uint8Array>): Promise<string> {
  const read: Uint8Array[] = []
  let total = 0
  for await (const part of parts) {
    total += part.length
    if (total > limitBytes) throw new Failure('payload-too-large', `it is larger than ${limitBytes} bytes`)
    read.push(part)
  }
  return Buffer.concat(read).toString('utf8')
}

async function open(source: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  if (!/^https?:\/\//i.test(source)) return createReadStream(source, { signal })
  const answer = await fetch(source, { signal, headers: { accept: 'text/plain' } })
  if (!answer.ok) {
    await answer.body?.cancel()
    throw new Failure('unavailable', `it was answered with ${answer.status}`)
  }
  return answer.body === null ? Readable.from([]) : Readable.fromWeb(answer.body)
}

/** @throws Failure; what the file system or the network threw is its cause */
export async function loadAllowList(source: string, signal: AbortSignal): Promise<string[]> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    return parseAllowList(await readLimited(await open(source, limited)))
  } catch (err) {
    // The source itself is not named: its address may hold a password.
    const why = err instanceof Failure ? err.message : limited.aborted ? `it took more than ${timeoutMs} ms` : ''
    throw new Failure('unavailable', `ALLOWED_OWNERS could not be read${why === '' ? '' : `: ${why}`}`, { cause: err })
  }
}

export interface AllowListDeps {
  owners: Pick<Owners, 'allowList' | 'setAllowList'>
  /** Path of a file or an http(s) address; null: everybody's pushes are built. */
  source: string | null
  everyMs: number
  isLeader(): boolean
  /** Somebody may be built now, or not any more. */
  changed(): void
  logger: Logger
}

/**
 * Keeps the allow list of owners in the store, where every process and the next start find it. While it cannot be read the last good
 * one counts; before there was any, nobody is on it. Resolves once what is stored says whether there is a list at all.
 */
export async function createAllowList(deps: AllowListDeps): Promise<Loop | null> {
  const { owners, source, everyMs, isLeader, changed, logger } = deps
  const kept = await owners.allowList()
  if (source === null) {
    if (kept !== null) await owners.setAllowList(null)
    return null
  }
  if (kept === null) await owners.setAllowList([])

  return createLoop(
    'allow list',
    everyMs,
    async (signal) => {
      if (!isLeader()) return
      let logins: string[]
      try {
        logins = await loadAllowList(source, signal)
      } catch (err) {
        if (!signal.aborted) logger.warn({ err }, 'the allow list cannot be read: the last good one counts')
        return
      }
      const moved = await owners.setAllowList(logins)
      for (const { login: name, isListed } of moved) {
        logger.info(
          { owner: name, isListed },
          isListed ? 'the owner is on the allow list' : 'the owner left the allow list'
        )
      }
      if (moved.length > 0) changed()
    },
    logger
  )
}
