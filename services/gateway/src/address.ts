import { Failure } from '@slipway/domain/failure'
import { isDnsLabel } from '@slipway/domain/naming'

/** What a request is for. `target` is the path and query as the function gets them, byte for byte. */
export type Address =
  | { kind: 'own'; path: string }
  | { kind: 'name'; slug: string; functionName: string; target: string; isAsync?: true }
  | { kind: 'cluster-name'; clusterName: string; target: string; isAsync?: true }

export type FunctionAddress = Exclude<Address, { kind: 'own' }>

/** Below these paths of its own hosts the gateway serves more than itself. */
export const prefixes = { functions: '/function/', asyncCalls: '/async-function/', system: '/system/' } as const

/**
 * The one reading of host and path. The function's part is compared literally, never decoded: what is not exactly a name is nobody's.
 *
 * @param host the Host header; undefined in HTTP/1.0.
 * @param target the request target as it was sent.
 * @param domain FUNCTIONS_DOMAIN
 * @throws Failure `invalid-request`, `not-found`
 */
export function readAddress(host: string | undefined, target: string, domain: string): Address {
  if (!target.startsWith('/')) {
    throw new Failure('invalid-request', 'the request target must be a path: absolute addresses are not served')
  }
  if (target.includes('#')) throw new Failure('invalid-request', 'the request target must not hold a fragment')
  const slug = slugOfHost(host, domain)
  const end = target.indexOf('?')
  const path = end === -1 ? target : target.slice(0, end)
  const query = end === -1 ? '' : target.slice(end)

  if (slug === null && path.startsWith(prefixes.asyncCalls)) {
    // Read as the call that it becomes.
    return {
      ...(readAddress(host, target.replace(prefixes.asyncCalls, prefixes.functions), domain) as FunctionAddress),
      isAsync: true
    }
  }
  if (slug === null && !path.startsWith(prefixes.functions)) return { kind: 'own', path }
  const start = slug === null ? prefixes.functions.length : 1
  const slash = path.indexOf('/', start)
  const segment = slash === -1 ? path.slice(start) : path.slice(start, slash)
  const rest = slash === -1 ? '/' : path.slice(slash)
  assertPublic(rest)

  if (slug !== null) return { kind: 'name', slug: label(slug), functionName: label(segment), target: rest + query }
  const dot = segment.indexOf('.')
  if (dot === -1) return { kind: 'cluster-name', clusterName: label(segment), target: rest + query }
  const functionName = label(segment.slice(0, dot))
  return { kind: 'name', slug: label(segment.slice(dot + 1)), functionName, target: rest + query }
}

/** The slug that a host names; null for a host of the gateway's own. */
function slugOfHost(host: string | undefined, domain: string): string | null {
  if (host === undefined || host === '') return null
  const name = /^([\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.exec(host)?.[1]
  if (name === undefined) throw new Failure('invalid-request', 'the Host header is not a host name')
  const lower = name.toLowerCase()
  const plain = lower.endsWith('.') ? lower.slice(0, -1) : lower
  return plain.endsWith(`.${domain}`) ? plain.slice(0, -domain.length - 1) : null
}

function label(text: string): string {
  if (!isDnsLabel(text)) throw noSuchFunction()
  return text
}

export function noSuchFunction(): Failure {
  return new Failure(
    'not-found',
    'there is no such function: call /<function> at the host of its owner, or /function/<owner>-<function>'
  )
}

/**
 * `/_/…` is for the platform. A function's server may decode, merge and resolve what the gateway only passes on,
 * so the path is read here in the most generous way that such servers do.
 */
function assertPublic(rest: string): void {
  if (!/[%\\;]|\/[_./]/.test(rest)) return
  if (rest.includes('\\')) throw new Failure('invalid-request', 'the path must not hold a backslash')
  let reading = rest
  for (let round = 0, before = ''; round < 3 && reading !== before; round += 1) {
    before = reading
    reading = reading.replaceAll(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16))
    )
  }
  if (reading.includes('\0')) throw new Failure('invalid-request', 'the path must not hold a NUL')
  const segments = reading.split(/[/\\]+/).map((segment) => segment.replace(/;.*$/s, ''))
  if (segments.includes('..')) throw new Failure('invalid-request', 'the path must not hold ".." segments')
  if (segments.find((segment) => segment !== '' && segment !== '.') === '_') throw noSuchFunction()
}
