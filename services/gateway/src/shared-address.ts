import type { Replica } from './upstream.ts'

/**
 * A call as it is asked at a replica's address. At one that others answer at, too, it goes below the function's path (which
 * it cannot leave: `..` was refused as the address was read), and by the address' own name: a proxy before it knows no other,
 * and who was called stands in `X-Forwarded-Host`.
 */
export function asAskedAt(
  { shared }: Pick<Replica, 'shared'>,
  target: string,
  headers: string[]
): { path: string; headers: string[] } {
  if (shared === null) return { path: target, headers }
  const named: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.toLowerCase() !== 'host') named.push(name, headers[i + 1] as string)
  }
  named.push('Host', shared.host)
  return { path: `${shared.path}${target}`, headers: named }
}
