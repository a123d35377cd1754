import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isFunctionKey, type KnownKey, opens } from '@slipway/domain/access'
import { Failure } from '@slipway/domain/failure'
import type { InnerCaller } from './inner.ts'
import type { Upstream } from './upstream.ts'

/** Keys by their hash. A key is never compared itself: how long that takes tells nothing of any. */
export type Keys = ReadonlyMap<string, KnownKey>

export function keysByHash(known: readonly KnownKey[]): Keys {
  return new Map(known.map((key) => [key.hash, key]))
}

const none: readonly string[] = []
const carriers = ['authorization', 'x-api-key'] as const

/** The headers of a request that hold a key for the gateway: they go no further, whoever is called. */
export function keyHeaders({ headers }: IncomingMessage): readonly string[] {
  if (headers.authorization === undefined && headers['x-api-key'] === undefined) return none
  return carriers.filter((name) => keyIn(headers, name) !== null)
}

function keyIn(headers: IncomingMessage['headers'], name: (typeof carriers)[number]): string | null {
  const value = headers[name]
  if (typeof value !== 'string') return null
  const text = name === 'authorization' ? (/^bearer +(\S+) *$/i.exec(value)?.[1] ?? '') : value
  return isFunctionKey(text) ? text : null
}

/** @returns why the call is refused; null when it may pass. The owner's own functions need no key. */
export function refusalOfCaller(
  { req, inner }: { req: IncomingMessage; inner: InnerCaller | null },
  upstream: Upstream,
  keys: Keys,
  now: number
): Failure | null {
  if (upstream.access === 'public' || inner?.owner?.id === upstream.ownerId) return null
  let isKeyGiven = false
  for (const name of carriers) {
    const key = keyIn(req.headers, name)
    if (key === null) continue
    isKeyGiven = true
    const known = keys.get(createHash('sha256').update(key).digest('hex'))
    if (known !== undefined && opens(known, upstream, now)) return null
  }
  return new Failure(
    'unauthenticated',
    isKeyGiven
      ? `this key does not open function ${upstream.label}: it is another's, was revoked or has expired`
      : `function ${upstream.label} is not public: send a key of its owner as "Authorization: Bearer slf_…" or "X-Api-Key: slf_…"`
  )
}

/** What a refused caller is told besides. */
export const challenge = ['WWW-Authenticate', 'Bearer realm="slipway functions"']
